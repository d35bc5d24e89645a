"""Rules from a dump: a richer language than that of our own rules, since other programs write them, and never guessed.

Unknown parts are ``Unknown`` with their text: a condition that might hold or not, an action that might do anything.
Semantics: nft(8), iptables(8), iptables-extensions(8).
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from fairlead.netfilter.ruleset import Hook


class RuleKey(enum.StrEnum):
    """A part of a packet, its connection or its path that a rule looks at."""

    SOURCE = "source"
    DESTINATION = "destination"
    PROTOCOL = "protocol"
    PORT = "port"
    SOURCE_PORT = "source port"
    IN = "incoming interface"
    OUT = "outgoing interface"
    STATE = "connection state"
    STATUS = "connection status"
    DIRECTION = "connection direction"
    SOURCE_TYPE = "source type"
    DESTINATION_TYPE = "destination type"
    FAMILY = "family"
    FLAGS = "TCP flags"
    SLOT = "number drawn"


Value = str | int


class Network(NamedTuple):
    """A network, in CIDR notation."""

    cidr: str

    def holds(self, value: Value) -> bool:
        try:
            return ip_address(str(value)) in ip_network(self.cidr, strict=False)
        except ValueError:
            return False


class Range(NamedTuple):
    """A range of numbers or addresses, both ends included."""

    first: Value
    last: Value

    def holds(self, value: Value) -> bool:
        if isinstance(value, int) and isinstance(self.first, int) and isinstance(self.last, int):
            return self.first <= value <= self.last
        try:
            low, this, high = (int(ip_address(str(each))) for each in (self.first, value, self.last))
        except ValueError:
            return False
        return low <= this <= high


class Prefix(NamedTuple):
    """Names with this prefix."""

    text: str

    def holds(self, value: Value) -> bool:
        return str(value).startswith(self.text)


class Anything(NamedTuple):
    """Every value."""

    def holds(self, _: Value) -> bool:
        return True


Pattern = Value | Network | Range | Prefix | Anything
Row = tuple[Pattern, ...]


def _fits(pattern: Pattern, value: Value) -> bool:
    return value == pattern if isinstance(pattern, str | int) else pattern.holds(value)


@dataclass
class Rows:
    """The content of a set or map: rows of plain values are found by hash, others one by one."""

    plain: dict[tuple[Value, ...], Any] = field(default_factory=dict)
    patterns: list[tuple[Row, Any]] = field(default_factory=list)

    def add(self, row: Row, value: Any = None) -> None:
        if all(isinstance(pattern, str | int) for pattern in row):
            self.plain.setdefault(row, value)  # type: ignore[arg-type]
        else:
            self.patterns.append((row, value))

    def find(self, key: tuple[Value, ...]) -> tuple[bool, Any]:
        """Whether there is a row for a key, and its value."""
        if key in self.plain:
            return True, self.plain[key]
        for row, value in self.patterns:
            if len(row) == len(key) and all(_fits(p, v) for p, v in zip(row, key, strict=True)):
                return True, value
        return False, None

    def values(self) -> Iterable[Any]:
        return (*self.plain.values(), *(value for _, value in self.patterns))


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
SERVICES: Mapping[str, int] = {"ssh": 22, "domain": 53, "http": 80, "https": 443}


def address_pattern(text: str) -> Pattern:
    """An address, a network or a range as a pattern; a network of one address is that address."""
    low, dash, high = text.partition("-")
    if dash:
        return Range(low, high)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return text
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else Network(str(network))


def port_pattern(text: str, between: str = "-") -> Pattern | None:
    """A port or a range of them; None for what is neither."""
    low, dash, high = text.partition(between)
    numbers = [
        SERVICES.get(part) or (int(part) if part.isdigit() else None) for part in ([low, high] if dash else [low])
    ]
    if dash and (not low or not high):
        numbers = [int(low) if low.isdigit() else 0, int(high) if high.isdigit() else 65535]
    if any(number is None for number in numbers):
        return None
    return Range(numbers[0], numbers[1]) if dash else numbers[0]  # type: ignore[arg-type]
