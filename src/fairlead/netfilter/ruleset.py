"""Packet filter rules as values: what is rendered for the kernel is also what can be evaluated in pure Python.

The vocabulary is only what forwarding Services needs, for nft and for iptables alike. A rule is a row of matches, all
of which must hold, and a row of statements, carried out in order. Every chain, rule and element carries its
``RuleOrigin``, which ends up as the comment that ``nft list ruleset`` or ``iptables-save`` shows.

Semantics: nft(8), iptables(8), iptables-extensions(8). To add a match or a statement, also teach the renderers
(``nft_text``, ``iptables_text``) and the evaluator (``fairlead.trace.evaluate``).
"""

import enum
from collections.abc import Mapping

import msgspec

from fairlead.model.addresses import IPFamily

COMMENT_MAX = 128  # bytes, NFTNL_UDATA_COMMENT_MAXLEN


class _Value(msgspec.Struct, frozen=True, gc=False):
    """Base of the values of this module: immutable, hashable, equal only to its own kind."""


class RuleOrigin(_Value, frozen=True):
    """Why something is in the ruleset.

    Attributes:
        subject: the service port (``ns/name:port``) that it is for, or "" for what serves all of them.
        reason: a few words for a reader.
    """

    subject: str
    reason: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.subject, self.reason) if part)


NOWHERE = RuleOrigin("")


class Field(enum.StrEnum):
    """A part of a packet that matches, sets and maps look at; the value is free of IP family."""

    SOURCE = "saddr"
    DESTINATION = "daddr"
    PROTOCOL = "l4proto"
    PORT = "dport"
    SLOT = "slot"  # not of the packet: a number drawn for it, see TranslateBySlot


# Parts of a key stand in the order of its set's fields: addresses as text, protocols in lower case, ports as numbers.
Key = tuple[str | int, ...]


class Target(_Value, frozen=True, order=True):
    """An endpoint that traffic can be sent to."""

    address: str
    port: int


# --- matches ---------------------------------------------------------------------------------------------------------


class InNetworks(_Value, frozen=True):
    """The address in ``field`` lies in one of the networks (CIDR text); negated: in none of them."""

    field: Field
    networks: tuple[str, ...]
    negated: bool = False


class InSet(_Value, frozen=True):
    """The named set holds the key made of these fields."""

    fields: tuple[Field, ...]
    set: str


class IsLocal(_Value, frozen=True):
    """The address in ``field`` is one of this node's own, loopback included."""

    field: Field


class IsProtocol(_Value, frozen=True):
    """The transport protocol is ``protocol`` (lower case)."""

    protocol: str


class IsPort(_Value, frozen=True):
    """The destination port is ``port``; the rule must match the protocol too."""

    port: int


class IsPortBetween(_Value, frozen=True):
    """The destination port is one from ``first`` to ``last``; the rule must match the protocol too."""

    first: int
    last: int


class FromInterface(_Value, frozen=True):
    """The packet came in through this interface, or through one whose name starts so."""

    name: str
    is_prefix: bool = False
    negated: bool = False


class NewConnection(_Value, frozen=True):
    """Connection tracking has not seen a reply yet: ``ct state new``."""


class MidStream(_Value, frozen=True):
    """A TCP packet that does not open a connection: any that is not a mere SYN."""


class EstablishedConnection(_Value, frozen=True):
    """``ct state related,established``."""


class RelatedConnection(_Value, frozen=True):
    """``ct state related``: an ICMP error about a connection that is tracked."""


class ReplyOfConnection(_Value, frozen=True):
    """``ct direction reply``: from whom a tracked connection was made to, to whom has made it."""


class InvalidConnection(_Value, frozen=True):
    """``ct state invalid``."""


class UnaskedConnection(_Value, frozen=True):
    """Neither ``ct state related,established`` nor ``ct status dnat``: what no rule and no reply has led here."""


class DestinationTranslated(_Value, frozen=True):
    """The connection's destination has been rewritten: ``ct status dnat``."""


class HasMark(_Value, frozen=True):
    """All bits of ``bits`` are set in the packet mark; negated: not all of them."""

    bits: int
    negated: bool = False


class Probability(_Value, frozen=True):
    """Holds at random, ``part`` times of ``whole``."""

    part: int
    whole: int


class RecentSource(_Value, frozen=True):
    """The source address was remembered in the list ``name`` within the last ``seconds`` (iptables' recent match)."""

    name: str
    seconds: int


Match = (
    InNetworks
    | InSet
    | IsLocal
    | IsProtocol
    | IsPort
    | IsPortBetween
    | FromInterface
    | NewConnection
    | MidStream
    | EstablishedConnection
    | RelatedConnection
    | ReplyOfConnection
    | InvalidConnection
    | UnaskedConnection
    | DestinationTranslated
    | HasMark
    | Probability
    | RecentSource
)

# --- statements ------------------------------------------------------------------------------------------------------


class Accept(_Value, frozen=True):
    """Leave this hook's chain with the packet accepted."""


class Drop(_Value, frozen=True):
    """Discard the packet in silence."""


class Reject(_Value, frozen=True):
    """Discard the packet and answer with ICMP port unreachable."""


class Reset(_Value, frozen=True):
    """Discard the packet and answer with a TCP reset; the rule must match TCP."""


class Return(_Value, frozen=True):
    """Go back to the calling chain."""


class Jump(_Value, frozen=True):
    """Evaluate another chain, then go on after this rule."""

    chain: str


class Goto(_Value, frozen=True):
    """Evaluate another chain, and return from it to the caller of this one."""

    chain: str


Verdict = Accept | Drop | Return | Jump | Goto


class Lookup(_Value, frozen=True):
    """Carry out the verdict that the named map holds for the key made of these fields; go on when it holds none."""

    fields: tuple[Field, ...]
    map: str


class AddMark(_Value, frozen=True):
    """Set these bits of the packet mark."""

    bits: int


class FlipMark(_Value, frozen=True):
    """Invert these bits of the packet mark."""

    bits: int


class Masquerade(_Value, frozen=True):
    """Rewrite the source to an address of this node, with a random port."""


class Translate(_Value, frozen=True):
    """Rewrite the destination to the one target."""

    target: Target


class TranslateBySlot(_Value, frozen=True):
    """Rewrite the destination to the target that a map holds for these fields and a slot; go on when it holds none.

    Attributes:
        protocol: whose ports are meant: packets of others go on.
        slots: how many there are to draw from, again for each connection. first: the number of the first.
        by_source: whether a hash of the source address draws, the same everywhere, instead of chance.
    """

    protocol: str
    fields: tuple[Field, ...]
    map: str
    slots: int
    first: int = 0
    by_source: bool = False


class GotoAtRandom(_Value, frozen=True):
    """Go to one of the chains, drawn for each connection; to one that is listed twice, twice as often."""

    chains: tuple[str, ...]


class RememberTarget(_Value, frozen=True):
    """Note the target for the source address in a named map, or keep what is noted; restarts its time-out."""

    map: str
    target: Target


class TranslateAsRemembered(_Value, frozen=True):
    """Rewrite the destination to what the named map notes for the source address; go on when it notes nothing."""

    map: str


class RememberSource(_Value, frozen=True):
    """Note the source address in the list ``name`` (iptables' recent match)."""

    name: str


Statement = (
    Accept
    | Drop
    | Reject
    | Reset
    | Return
    | Jump
    | Goto
    | Lookup
    | AddMark
    | FlipMark
    | Masquerade
    | Translate
    | TranslateBySlot
    | GotoAtRandom
    | RememberTarget
    | TranslateAsRemembered
    | RememberSource
)

_USES_MAP = (Lookup, TranslateBySlot, RememberTarget, TranslateAsRemembered)

# --- containers ------------------------------------------------------------------------------------------------------


class Rule(_Value, frozen=True):
    """Statements for packets that satisfy all matches."""

    matches: tuple[Match, ...]
    statements: tuple[Statement, ...]
    origin: RuleOrigin = NOWHERE


class Hook(enum.StrEnum):
    """Where in the kernel's packet path a base chain is attached."""

    PREROUTING = "prerouting"
    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"
    POSTROUTING = "postrouting"


class ChainHook(_Value, frozen=True):
    """What makes a chain a base chain; ``type`` is filter or nat, lower priorities come first."""

    type: str
    hook: Hook
    priority: int


class Chain(_Value, frozen=True):
    """A named list of rules; a shared one may be wanted by many Services, by each with the same rules."""

    name: str
    rules: tuple[Rule, ...] = ()
    attachment: ChainHook | None = None
    is_shared: bool = False


class SetKind(enum.Enum):
    """What a named container holds besides its keys."""

    SET = "set"
    VERDICT_MAP = "verdict map"
    TARGET_MAP = "target map"


class NamedSet(_Value, frozen=True):
    """The declaration of a set or map; its elements stand in the table.

    Attributes:
        timeout: seconds after which an element is forgotten; such a set is filled by rules, never by transactions.
        protocol: of a map with slots, whose ports are meant.
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


class Element(_Value, frozen=True):
    """What a set or map holds for one key; ``value`` None in a plain set."""

    value: Verdict | Target | None = None
    origin: RuleOrigin = NOWHERE


ElementId = tuple[str, Key]  # name of the set, key


class Table(_Value, frozen=True):
    """A table, or the part of one that is there for one Service: chains and sets by name, elements by set and key."""

    chains: Mapping[str, Chain] = {}
    sets: Mapping[str, NamedSet] = {}
    elements: Mapping[ElementId, Element] = {}


class TableName(_Value, frozen=True):
    """Which table of the kernel: its IP family and its name."""

    family: IPFamily
    name: str


def remembered(table: Table) -> frozenset[tuple[str, Target]]:
    """Every target that rules of the table may note for a client, with the map that they note it in."""
    statements = (s for chain in table.chains.values() for rule in chain.rules for s in rule.statements)
    return frozenset((s.map, s.target) for s in statements if isinstance(s, RememberTarget))


def sets_of(rule: Rule) -> frozenset[str]:
    """The names of the sets and maps that a rule refers to."""
    matches = {match.set for match in rule.matches if isinstance(match, InSet)}
    return frozenset(matches | {s.map for s in rule.statements if isinstance(s, _USES_MAP)})
