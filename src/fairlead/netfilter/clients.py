"""Clients that a map with a time-out remembers: reading them from what nft lists, and noting them in another map.

For each client the idle time is kept, not the time of expiry. So when the time-out changes, the client keeps its
endpoint for the new time-out, counted from when it was last seen.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from fairlead.netfilter.nft_rule_text import family_word, noted_as, noted_in
from fairlead.netfilter.ruleset import NamedSet, Table, TableName, Target, remembered
from fairlead.netfilter.transaction import AddSet, DeleteSet, SetRules, Transaction

_NOTE = re.compile(r"([0-9a-f.:]+)(?: timeout (\S+))? expires (\S+) : ([0-9a-f.: ]*[0-9a-f])")
_TIMEOUT = re.compile(r"^\s*timeout (\S+)$", re.MULTILINE)
_PART = re.compile(r"(\d+)(ms|d|h|m|s)")
_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}


class RememberedClient(msgspec.Struct, frozen=True):
    """A client that a map remembers: its address, its idle time (milliseconds), and its endpoint."""

    map: str
    source: str
    idle: int
    target: Target


class _Note(msgspec.Struct, frozen=True):
    idle: int
    value: str


def milliseconds(text: str) -> int:
    """A time as nft spells it, such as ``2h59m58s500ms``."""
    return sum(int(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(text))


def read_clients(map_: str, listings: Sequence[str]) -> list[RememberedClient]:
    """All clients in what nft lists of a map, or of each of the maps that stand for it (``noted_in``)."""
    notes = [_notes(text) for text in listings]
    sources = sorted(set.intersection(*map(set, notes)))
    return [_client(map_, source, [part[source] for part in notes]) for source in sources]


def _notes(listing: str) -> dict[str, _Note]:
    declared = _TIMEOUT.search(listing)
    timeout = declared[1] if declared else ""
    return {
        source: _Note(max(milliseconds(own or timeout) - milliseconds(expires), 0), value)
        for source, own, expires, value in _NOTE.findall(listing)
    }


def _client(map_: str, source: str, notes: Sequence[_Note]) -> RememberedClient:
    address, port = " . ".join(note.value for note in notes).split(" . ")
    return RememberedClient(map_, source, notes[0].idle, Target(address, int(port)))


class Notebook(msgspec.Struct, frozen=True):
    """The part of a map that a new declaration can keep: the timeout in seconds, and the targets."""

    timeout: int
    targets: frozenset[Target]


Notebooks = dict[str, Notebook]


def notebooks_of(table: Table) -> Notebooks:
    """The notebooks of a whole table."""
    return _notebooks(table.sets.values(), remembered(table))


def declared_again(transaction: Transaction) -> Notebooks:
    """The notebooks that a transaction empties, because it deletes and redeclares them."""
    gone = {operation.set.name for operation in transaction if isinstance(operation, DeleteSet)}
    chains = {operation.chain.name: operation.chain for operation in transaction if isinstance(operation, SetRules)}
    new = [operation.set for operation in transaction if isinstance(operation, AddSet) and operation.set.name in gone]
    return _notebooks(new, remembered(Table(chains))) if new else {}


def _notebooks(sets: Iterable[NamedSet], known: Iterable[tuple[str, Target]]) -> Notebooks:
    targets: dict[str, set[Target]] = {}
    for map_, target in known:
        targets.setdefault(map_, set()).add(target)
    return {s.name: Notebook(s.timeout, frozenset(targets.get(s.name, ()))) for s in sets if s.timeout is not None}


def note_again(name: TableName, clients: Iterable[RememberedClient], books: Notebooks) -> Iterator[str]:
    """The commands that note the clients whose target still exists and whose time-out has not passed."""
    for client in clients:
        book = books.get(client.map)
        if book is not None and client.target in book.targets and (left := book.timeout * 1000 - client.idle) > 0:
            yield from _notes_of("add", name, client, f"{client.source} expires {left}ms")


def forget(name: TableName, client: RememberedClient) -> str:
    """The commands that make a map forget a client."""
    return "".join(_notes_of("delete", name, client, client.source))


def _notes_of(verb: str, name: TableName, client: RememberedClient, key: str) -> Iterator[str]:
    there = f"{family_word(name.family)} {name.name}"
    for map_, value in zip(noted_in(client.map, name.family), noted_as(client.target, name.family), strict=True):
        yield f"{verb} element {there} {map_} {{ {key} : {value} }}\n"
