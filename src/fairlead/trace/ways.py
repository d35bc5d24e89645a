"""The paths that a packet might take through dumped rules."""

from typing import NamedTuple

from fairlead.netfilter.dump.values import Table
from fairlead.netfilter.ruleset import Hook
from fairlead.trace.packet import Outcome


class TracedRule(NamedTuple):
    """A rule that the packet met.

    Attributes:
        table: family and name.
        did: what it did; "" for one that did not match.
        because: why it did not match, or what is in doubt.
        verdict: the result as the kernel's own trace writes it, such as "jump services".
    """

    hook: Hook
    table: str
    chain: str
    rule: str
    did: str = ""
    because: str = ""
    verdict: str = ""


class Way(NamedTuple):
    """One path of a packet.

    Attributes:
        outcome: None if a rule that was not understood might do anything.
        probability: of the draws on this path.
        doubts: assumptions that had to be made.
        bound_for: the address and port that it was sent on to, even if it did not get there.
    """

    outcome: Outcome | None
    steps: tuple[TracedRule, ...]
    probability: float
    doubts: tuple[str, ...]
    bound_for: tuple[str, int] = ("", 0)


class Ways(NamedTuple):
    """All paths of a packet; ``is_cut``: there are more paths than the limit."""

    ways: tuple[Way, ...]
    is_cut: bool = False

    @property
    def outcomes(self) -> frozenset[Outcome | None]:
        return frozenset(way.outcome for way in self.ways)

    @property
    def is_certain(self) -> bool:
        """Whether the outcomes are certain, without assumptions."""
        return not self.is_cut and all(not way.doubts for way in self.ways)


class TracedNode(NamedTuple):
    """A host with its addresses and tables."""

    addresses: frozenset[str]
    tables: tuple[Table, ...]
