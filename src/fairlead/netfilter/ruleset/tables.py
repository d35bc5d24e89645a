"""Rules, and what holds them: chains, sets, maps and tables."""

import enum
from collections.abc import Mapping

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ruleset.matches import Field, InSet, Key, Match, RuleValue
from fairlead.netfilter.ruleset.statements import (
    Lookup,
    RememberTarget,
    Statement,
    Target,
    TranslateAsRemembered,
    TranslateBySlot,
    Verdict,
)

COMMENT_MAX = 128  # bytes, NFTNL_UDATA_COMMENT_MAXLEN


class RuleOrigin(RuleValue, frozen=True):
    """Why something is in the ruleset.

    Attributes:
        subject: the service port (``ns/name:port``) that it is for, or "" for all of them.
        reason: a few words for a reader.
    """

    subject: str
    reason: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.subject, self.reason) if part)


NOWHERE = RuleOrigin("")


class Rule(RuleValue, frozen=True):
    """Statements for packets that satisfy all matches."""

    matches: tuple[Match, ...]
    statements: tuple[Statement, ...]
    origin: RuleOrigin = NOWHERE


class Hook(enum.StrEnum):
    """The place in the kernel's packet path where a base chain is attached."""

    PREROUTING = "prerouting"
    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"
    POSTROUTING = "postrouting"


class ChainHook(RuleValue, frozen=True):
    """The hook of a base chain; ``type`` is filter or nat, lower priorities come first."""

    type: str
    hook: Hook
    priority: int


class Chain(RuleValue, frozen=True):
    """A named list of rules; a shared one can belong to many Services, for each with the same rules."""

    name: str
    rules: tuple[Rule, ...] = ()
    attachment: ChainHook | None = None
    is_shared: bool = False


class SetKind(enum.Enum):
    """The values of a set or map."""

    SET = "set"
    VERDICT_MAP = "verdict map"
    TARGET_MAP = "target map"


class NamedSet(RuleValue, frozen=True):
    """The declaration of a set or map; its elements are in the table.

    Attributes:
        timeout: seconds after which an element expires; only rules fill such a set, never transactions.
        protocol: the protocol of the ports, for a map with slots.
    """

    name: str
    fields: tuple[Field, ...]
    kind: SetKind = SetKind.SET
    timeout: int | None = None
    origin: RuleOrigin = NOWHERE
    protocol: str = ""

    @property
    def is_noted_in(self) -> bool:
        """Whether it is a map in which rules note targets, for a time."""
        return self.timeout is not None


class Element(RuleValue, frozen=True):
    """The entry of a set or map for one key; ``value`` is None in a plain set."""

    value: Verdict | Target | None = None
    origin: RuleOrigin = NOWHERE


ElementId = tuple[str, Key]  # name of the set, key


class Table(RuleValue, frozen=True):
    """A table, or the part of one that belongs to one Service: chains and sets by name, elements by set and key."""

    chains: Mapping[str, Chain] = {}
    sets: Mapping[str, NamedSet] = {}
    elements: Mapping[ElementId, Element] = {}


class TableName(RuleValue, frozen=True):
    """The kernel's identity of a table: its IP family and its name."""

    family: IPFamily
    name: str


def remembered(table: Table) -> frozenset[tuple[str, Target]]:
    """Every target that rules of the table can note for a client, with the map that holds the note."""
    statements = (s for chain in table.chains.values() for rule in chain.rules for s in rule.statements)
    return frozenset((s.map, s.target) for s in statements if isinstance(s, RememberTarget))


_USES_MAP = (Lookup, TranslateBySlot, RememberTarget, TranslateAsRemembered)


def sets_of(rule: Rule) -> frozenset[str]:
    """The names of the sets and maps that a rule refers to."""
    matches = {match.set for match in rule.matches if isinstance(match, InSet)}
    return frozenset(matches | {s.map for s in rule.statements if isinstance(s, _USES_MAP)})
