"""Rules from a dump: a richer language than that of our own rules, since other programs write them, and never guessed.

Unknown parts are ``Unknown`` with their text: a condition that might hold or not, an action that might do anything.
Semantics: nft(8), iptables(8), iptables-extensions(8).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fairlead.netfilter.dump.patterns import Pattern, Rows, RuleKey
from fairlead.netfilter.ruleset import Hook

# --- conditions ------------------------------------------------------------------------------------------------------


class Test(NamedTuple):
    """The values of these keys are a row of the set; negated: they are none.

    Attributes:
        family: the test fails for packets of the other one: "ip", "ip6", or "" for none.
    """

    keys: tuple[RuleKey, ...]
    rows: Rows
    negated: bool = False
    family: str = ""


class MarkTest(NamedTuple):
    """The mark, reduced to the bits of ``mask``, is ``value``."""

    mask: int
    value: int
    negated: bool = False


class AtRandom(NamedTuple):
    """Holds at random, with this probability."""

    probability: float


class RecentlySeen(NamedTuple):
    """The source was noted recently (iptables' recent match); a dump does not say so."""

    text: str


class Unknown(NamedTuple):
    """A part that is unknown."""

    text: str


Condition = Test | MarkTest | AtRandom | RecentlySeen | Unknown

# --- actions ---------------------------------------------------------------------------------------------------------


class RuleVerdict(NamedTuple):
    """accept, drop, reject, return, or continue."""

    word: str


class ChainCall(NamedTuple):
    """Evaluate a chain; ``returns``: and continue after this rule."""

    chain: str
    returns: bool


class MapJump(NamedTuple):
    """Carry out the map's value for these keys; continue if it has none."""

    keys: tuple[RuleKey, ...]
    rows: Rows
    family: str = ""


class Draw(NamedTuple):
    """Draw a number below ``among``, and carry out what the map holds for it."""

    among: int
    rows: Rows
    first: int = 0


class DumpedEndpoint(NamedTuple):
    """The new destination of a packet; a None keeps that part."""

    address: str | None
    port: int | None = None


class Note(NamedTuple):
    """Note a value for these keys in a map, unless there is one: later rules find it."""

    keys: tuple[RuleKey, ...]
    rows: Rows
    value: DumpedEndpoint


class Translate(NamedTuple):
    """Rewrite the destination to what the map holds for these keys, one of which may be drawn.

    Attributes:
        draws: how many numbers there are for the key SLOT, beginning with ``first``.
    """

    keys: tuple[RuleKey, ...]
    rows: Rows
    draws: int = 1
    first: int = 0
    family: str = ""


class HideSource(NamedTuple):
    """Rewrite the source: to an address of the node, or to ``address``."""

    address: str = ""


class SetMark(NamedTuple):
    """Clear the bits of ``clear``, then flip those of ``flip``."""

    clear: int
    flip: int


Action = Note | RuleVerdict | ChainCall | MapJump | Draw | Translate | HideSource | SetMark | Unknown
Part = Condition | Action


class Rule(NamedTuple):
    """Conditions and actions in their order; ``text`` is the rule as written."""

    parts: tuple[Part, ...]
    text: str


class Base(NamedTuple):
    """The hook of a chain, and its policy."""

    type: str
    hook: Hook
    priority: int
    policy: str = "accept"


@dataclass
class Chain:
    """A chain; ``base`` is None for one that is only called."""

    name: str
    rules: list[Rule] = field(default_factory=list)
    base: Base | None = None


@dataclass
class Table:
    """A table: its family ("ip", "ip6" or "inet"), its name and its chains.

    Attributes:
        not_read: parts that were not understood as a whole, which any packet might meet.
    """

    family: str
    name: str
    chains: dict[str, Chain] = field(default_factory=dict)
    not_read: list[str] = field(default_factory=list)

    def has(self, family: str) -> bool:
        """Whether packets of a family pass through it."""
        return self.family in (family, "inet")


def one(key: RuleKey, *patterns: Pattern, negated: bool = False, family: str = "") -> Test:
    """A test of one key against some values."""
    rows = Rows()
    for pattern in patterns:
        rows.add((pattern,))
    return Test((key,), rows, negated, family)


def always(endpoint: DumpedEndpoint) -> Translate:
    """A translation to one endpoint."""
    rows = Rows()
    rows.add((), endpoint)
    return Translate((), rows)


PROTOCOLS: Mapping[str, str] = {
    "6": "tcp",
    "17": "udp",
    "132": "sctp",
    "1": "icmp",
    "58": "ipv6-icmp",
    "icmpv6": "ipv6-icmp",
}
