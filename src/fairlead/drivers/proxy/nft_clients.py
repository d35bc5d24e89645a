"""Reads and changes whom the maps of a table remember (session affinity)."""

from collections.abc import Iterable
from contextlib import suppress

from fairlead.drivers.proxy.nft_commands import RulesError, run_commands, run_program
from fairlead.netfilter.clients import Notebooks, RememberedClient, forget, notebooks_of, read_clients
from fairlead.netfilter.nft_rule_text import family_word, noted_in
from fairlead.netfilter.ruleset import Table, TableName, Target


async def clients_of(name: TableName, maps: Iterable[str]) -> list[RememberedClient]:
    """All clients that the maps remember; none for a map that is not there."""
    return [client for map_ in maps for client in await _clients_of(name, map_)]


async def _clients_of(name: TableName, map_: str) -> list[RememberedClient]:
    try:
        table = (family_word(name.family), name.name)
        return read_clients(map_, [await run_program("list", "map", *table, n) for n in noted_in(map_, name.family)])
    except RulesError:
        return []


async def forget_clients(name: TableName, gone: Iterable[tuple[str, Target]]) -> None:
    """Delete the clients of removed targets from their maps: their next connections get other targets."""
    wanted = frozenset(gone)
    for client in await clients_of(name, sorted({map_ for map_, _ in wanted})):
        if (client.map, client.target) in wanted:
            await _forget(name, client)


async def forget_unknown(name: TableName, table: Table) -> None:
    """Forget the clients of targets that the table does not know."""
    books: Notebooks = notebooks_of(table)
    for client in await clients_of(name, books):
        if client.target not in books[client.map].targets:
            await _forget(name, client)


async def _forget(name: TableName, client: RememberedClient) -> None:
    with suppress(RulesError):  # its time was up in between
        await run_commands(forget(name, client))
