"""The output of ``nft -y list table``, and the smallest transaction from it to another table.

Rules are compared as text: ``nft_rule_text`` spells them as nft lists them, so equal lines are equal rules. All others
    are replaced. Elements of a map with a time-out are not part of the table.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.nft_text import chain_lines, declarations, element_text, key_text
from fairlead.netfilter.ruleset import (
    Chain,
    ChainHook,
    Element,
    ElementId,
    Hook,
    Key,
    NamedSet,
    Rule,
    RuleOrigin,
    SetKind,
    Table,
)
from fairlead.netfilter.transaction import Transaction, diff

_BLOCK = re.compile(r"\t(set|map|chain) (\S+) \{")
_ELEMENT = re.compile(r'[^,"]+(?:"[^"]*"[^,"]*)*')  # to the next comma that is not in a comment
_KEY = re.compile(r"(.*?)(?: comment \"| : |$)")
_ELSEWHERE = RuleOrigin("", "something else")
_SOME_HOOK = ChainHook("", Hook.INPUT, 0)  # means any hook but the wanted one

Lines = tuple[str, ...]


class Listing(msgspec.Struct, frozen=True):
    """A table as text.

    Attributes:
        chains: the lines of each chain, of a base chain with its hook first.
        sets: the lines that declare each set or map.
        elements: each element by its set and its key.
    """

    chains: Mapping[str, Lines] = {}
    sets: Mapping[str, Lines] = {}
    elements: Mapping[tuple[str, str], str] = {}


def read_listing(text: str) -> Listing:
    """Parse nft's listing of a table."""
    chains: dict[str, Lines] = {}
    sets: dict[str, Lines] = {}
    elements: dict[tuple[str, str], str] = {}
    for kind, name, lines in _blocks(text.splitlines()):
        if kind == "chain":
            chains[name] = tuple(lines)
            continue
        declaration, _, listed = "\n".join(lines).partition("elements = {")
        sets[name] = tuple(declaration.splitlines())
        if not any(line.startswith("timeout ") for line in sets[name]):
            elements |= {(name, _key(element)): element for element in _elements(listed)}
    return Listing(chains, sets, elements)


def _blocks(lines: Iterable[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Each set, map and chain: its kind, its name and its lines, without their indentation."""
    body: list[str] = []
    head = None
    for line in lines:
        if head is None:
            head = _BLOCK.fullmatch(line)
        elif line == "\t}":
            yield head[1], head[2], body
            head, body = None, []
        else:
            body.append(line.strip())


def _elements(listed: str) -> Iterator[str]:
    text = listed.strip().removesuffix("}")
    return (found for part in _ELEMENT.findall(text) if (found := " ".join(part.split())))


def _key(element: str) -> str:
    match = _KEY.match(element)
    return match[1] if match else element


def listing_of(table: Table, family: IPFamily) -> Listing:
    """How nft would list a table."""
    return Listing(
        {name: tuple(chain_lines(chain, family)) for name, chain in table.chains.items()},
        {n: tuple(lines) for set_ in table.sets.values() for n, lines in declarations(set_, family).items()},
        {(id_[0], key_text(id_[1])): element_text(id_[1], element) for id_, element in table.elements.items()},
    )


def takeover(found: Listing, wanted: Table, family: IPFamily) -> Transaction:
    """The transaction from the table that was found to the wanted one."""
    return diff(_as_values(found, listing_of(wanted, family), wanted), wanted)


def _hook(lines: Lines) -> str:
    """The line that makes a chain a base chain; "" in any other."""
    return lines[0] if lines and lines[0].startswith("type ") else ""


def _as_values(found: Listing, should: Listing, wanted: Table) -> Table:
    """The table that was found: the wanted values where the text is equal, and other values elsewhere."""
    ids = {(id_[0], key_text(id_[1])): id_ for id_ in wanted.elements}
    elements: dict[ElementId, Element] = {}
    for place, text in found.elements.items():
        id_ = ids.get(place) or (place[0], _key_of(place[1]))
        elements[id_] = wanted.elements[id_] if text == should.elements.get(place) else Element(None, _ELSEWHERE)
    chains = {name: _chain(name, lines, should, wanted) for name, lines in found.chains.items()}
    return Table(chains, _sets(found, should, wanted), elements)


def _sets(found: Listing, should: Listing, wanted: Table) -> dict[str, NamedSet]:
    """One set of ours can be two of nft's, of which the second has no value of its own."""
    sets = {n: _stranger(n, lines) for n, lines in found.sets.items() if n not in should.sets}
    for name, set_ in wanted.sets.items():
        if name in found.sets:
            parts = [part for part in (name, f"ports-of-{name}") if part in should.sets]
            is_same = all(found.sets.get(part) == should.sets[part] for part in parts)
            sets[name] = set_ if is_same else msgspec.structs.replace(set_, origin=_ELSEWHERE)
    return sets


def _stranger(name: str, declaration: Lines) -> NamedSet:
    is_map = any(" : " in line for line in declaration if line.startswith("type"))
    return NamedSet(name, (), SetKind.VERDICT_MAP if is_map else SetKind.SET)


def _key_of(text: str) -> Key:
    return tuple(int(part) if part.isdigit() else part for part in text.split(" . "))


def _chain(name: str, lines: Lines, should: Listing, wanted: Table) -> Chain:
    expected = should.chains.get(name)
    if lines == expected:
        return wanted.chains[name]
    is_hooked_alike = expected is not None and _hook(lines) == _hook(expected)
    attachment = wanted.chains[name].attachment if is_hooked_alike else (_SOME_HOOK if _hook(lines) else None)
    return Chain(name, (Rule((), (), _ELSEWHERE),), attachment)
