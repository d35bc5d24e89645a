"""Reads the output of ``nft list ruleset``: tables, their sets, and the rules of their chains."""

import re
from collections.abc import Iterator

from fairlead.netfilter.dump.nft_elements import rows_of, split
from fairlead.netfilter.dump.nft_rules import read_rule
from fairlead.netfilter.dump.nft_words import named, words_of
from fairlead.netfilter.dump.patterns import Rows, RuleKey
from fairlead.netfilter.dump.values import Base, Chain, Table
from fairlead.netfilter.ruleset import Hook

_TABLE = re.compile(r"^\s*table (ip|ip6|inet|bridge|netdev|arp) (\S+) \{")
_OF_IP = ("ip", "ip6", "inet")
_BLOCK = re.compile(r"^\s*(set|map|chain) (\S+) \{\s*(?:#.*)?$")
_BASE = re.compile(r"type (\w+) hook (\w+) (?:device \S+ )?priority ([\w +-]+);(?: policy (\w+);)?")
_NAMED = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
_TYPES = {"inet_proto": RuleKey.PROTOCOL, "inet_service": RuleKey.PORT, "ifname": RuleKey.IN, "integer": RuleKey.SLOT}
CUT = "# cut off"
_COMMENT = re.compile(r'comment "[^"]*"')


def read_nft(text: str) -> list[Table]:
    """The tables of a listing; families other than IP's are only reported as not read."""
    return [_table(family, name, body) for family, name, body in _tables(text.splitlines())]


def _tables(lines: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Each table's family, name and lines; a table ends where its braces do."""
    body: list[str] | None = None
    head, depth = ("", ""), 0
    for line in lines:
        match = _TABLE.match(line) if body is None else None
        if match:
            head, body, depth = (match[1], match[2]), [], 1
            continue
        if body is None:
            continue
        bare = _COMMENT.sub("", line)
        depth += bare.count("{") - bare.count("}")
        if depth <= 0:
            yield (*head, body)
            body = None
        else:
            body.append(line)
    if body is not None:  # a truncated listing
        yield (*head, [*body, CUT])


def _table(family: str, name: str, body: list[str]) -> Table:
    table = Table(family, name)
    if family not in _OF_IP:
        if family != "arp" and any("hook" in line for line in body):
            table.not_read.append(f"table {family} {name}")
        return table
    if body and body[-1] == CUT:
        table.not_read.append(f"the end of table {family} {name}, which is cut off")
    sets: dict[str, Rows] = {}
    chains: list[tuple[str, list[str]]] = []
    for kind, block, lines in _blocks(body):
        if kind == "chain":
            chains.append((block, lines))
        elif (rows := _set(lines)) is not None:
            sets[block] = rows
    for block, lines in chains:
        table.chains[block] = _chain(block, lines, sets)
        if table.chains[block].base is None:
            table.not_read += [line for line in lines if line.startswith("type ")]
    return table


def _blocks(body: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    lines: list[str] = []
    head, depth = ("", ""), 0
    for line in body:
        match = _BLOCK.match(line) if depth == 0 else None
        if match:
            head, lines, depth = (match[1], match[2]), [], 1
            continue
        if depth == 0:
            continue
        bare = _COMMENT.sub("", line)
        depth += bare.count("{") - bare.count("}")
        if depth <= 0:
            yield (*head, lines)
            depth = 0
        else:
            lines.append(line.strip())
    if depth > 0:
        yield (*head, lines)


def _chain(name: str, lines: list[str], sets: dict[str, Rows]) -> Chain:
    chain = Chain(name)
    for line in lines:
        if not line or line.startswith(("comment ", "#")):
            continue
        if line.startswith("type "):
            chain.base = _base(line)
        else:
            chain.rules.append(read_rule(re.sub(r" # handle \d+$", "", line), sets))
    return chain


def _base(line: str) -> Base | None:
    match = _BASE.search(line)
    if match is None:
        return None
    type_, hook, priority = match[1], match[2], match[3]
    found = next((h for h in Hook if h == hook), None)
    return Base(type_, found, _priority(priority), match[4] or "accept") if found else None


def _priority(text: str) -> int:
    """``-110``, ``dstnat``, or ``dstnat - 10``."""
    words = text.split()
    if not words:
        return 0
    base = _NAMED.get(words[0])
    if base is None:
        return int(words[0]) if words[0].lstrip("-").isdigit() else 0
    offset = int(words[2]) if len(words) == 3 and words[2].isdigit() else 0
    return base - offset if "-" in words[1:2] else base + offset


def _set(lines: list[str]) -> Rows | None:
    """The elements of a set or map; None for one whose type is not known."""
    text = "\n".join(lines)
    declaration, _, listed = text.partition("elements = {")
    keys = _keys(declaration)
    if keys is None:
        return None
    try:
        return rows_of(keys, split(words_of(listed.rpartition("}")[0] or listed)))
    except (ValueError, IndexError):
        return None


def _keys(declaration: str) -> tuple[RuleKey, ...] | None:
    """The keys of a set, by its types or by the example it is declared with."""
    line = next((each for each in declaration.splitlines() if each.startswith(("type ", "typeof "))), "")
    word, _, rest = line.partition(" ")
    parts = [part.strip() for part in rest.partition(" : ")[0].split(" . ")]
    found = [_by_type(part) if word == "type" else _by_example(part) for part in parts]
    return None if not line or any(key is None for key in found) else tuple(key for key in found if key)


def _by_type(name: str) -> RuleKey | None:
    return RuleKey.SOURCE if name in ("ipv4_addr", "ipv6_addr") else _TYPES.get(name)


def _by_example(text: str) -> RuleKey | None:
    if text.startswith(("numgen", "jhash")):
        return RuleKey.SLOT
    found = named(text.split())
    return found.key if found else None
