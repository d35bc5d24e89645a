"""The values that rules compare, and the patterns that these match."""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple


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
