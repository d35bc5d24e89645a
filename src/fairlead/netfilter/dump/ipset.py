"""Reads the output of ``ipset save``: the sets that iptables' rules use by name.

A set whose type or elements are unknown is left out, so that a rule which uses it counts as unknown too.
"""

from collections.abc import Mapping
from typing import NamedTuple

from fairlead.model.addresses import parse_ip
from fairlead.netfilter.dump.patterns import Pattern, Rows, RuleKey, address_pattern, port_pattern
from fairlead.netfilter.dump.values import PROTOCOLS, Test

_ADDRESSES = {"src": RuleKey.SOURCE, "dst": RuleKey.DESTINATION}
_PORTS = {"src": RuleKey.SOURCE_PORT, "dst": RuleKey.PORT}
_DIMENSIONS = {"ip": _ADDRESSES, "net": _ADDRESSES, "port": _PORTS}


class IpSet(NamedTuple):
    """A set: what each part of its elements is ("ip", "net" or "port"), and its elements."""

    dimensions: tuple[str, ...]
    rows: Rows

    def test(self, directions: str, *, negated: bool) -> Test | None:
        """The test of a rule with these directions (``src,dst``); None if they do not fit."""
        ends = directions.split(",")
        if len(ends) < len(self.dimensions):
            return None
        keys: list[RuleKey] = []
        for dimension, end in zip(self.dimensions, ends, strict=False):
            key = _DIMENSIONS[dimension].get(end)
            if key is None:
                return None
            keys += [RuleKey.PROTOCOL, key] if dimension == "port" else [key]
        return Test(tuple(keys), self.rows, negated)


Sets = Mapping[str, IpSet]


def read_ipset(text: str) -> Sets:
    """The sets of a dump that are wholly understood, by name."""
    found: dict[str, IpSet] = {}
    strange: set[str] = set()
    for line in text.splitlines():
        words = line.split(maxsplit=3)
        if len(words) < 3 or words[0] not in ("create", "add"):
            continue
        verb, name, what, *rest = words
        if verb == "create":
            kind, _, dimensions = what.partition(":")
            parts = tuple(dimensions.split(","))
            if kind == "hash" and all(part in _DIMENSIONS for part in parts):
                found[name] = IpSet(parts, Rows())
        elif name in found:
            row = _row(found[name].dimensions, what)
            if row is None or any(word.startswith("nomatch") for word in rest):
                strange.add(name)
            else:
                found[name].rows.add(row)
    return {name: set_ for name, set_ in found.items() if name not in strange}


def _row(dimensions: tuple[str, ...], text: str) -> tuple[Pattern, ...] | None:
    """An element such as ``10.0.0.1,tcp:80``; None for other text."""
    parts = text.split(",")
    if len(parts) != len(dimensions):
        return None
    row: list[Pattern] = []
    for dimension, part in zip(dimensions, parts, strict=True):
        if dimension == "port":
            protocol, _, port = part.rpartition(":")
            number = port_pattern(port)
            if number is None:
                return None
            row += [PROTOCOLS.get(protocol, protocol or "tcp"), number]
        else:
            if parse_ip(part.partition("/")[0].partition("-")[0]) is None:
                return None
            row.append(address_pattern(part))
    return tuple(row)
