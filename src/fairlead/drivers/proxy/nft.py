"""Carries out nft transactions on tables, and reads what is there.

Runs in the network namespace of the calling process and needs CAP_NET_ADMIN there.
"""

import socket
import struct

from fairlead.drivers.proxy.nft_clients import clients_of
from fairlead.drivers.proxy.nft_commands import Problem, RulesError, run_commands, run_program
from fairlead.netfilter.clients import declared_again, note_again, notebooks_of
from fairlead.netfilter.nft_listing import Listing, read_listing
from fairlead.netfilter.nft_rule_text import family_word
from fairlead.netfilter.nft_text import removal, render_table, render_transaction
from fairlead.netfilter.ruleset import Table, TableName
from fairlead.netfilter.transaction import Transaction, diff

NETLINK_NETFILTER = 12
GET_GENERATION = (10 << 8) | 16  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN
GENERATION_ID = 1  # NFTA_GEN_ID
REQUEST = 1  # NLM_F_REQUEST
PART = 500  # operations in a step where one step is too long: some 100 octets of netlink each, of 200 kB allowed


async def change_table(name: TableName, transaction: Transaction) -> int:
    """Carry out a transaction on a table that is there; the number of steps that it took.

    Clients that are remembered in a map that is declared again stay so, as far as the new declaration allows.

    One step, unless this is a user namespace, where a socket's buffer cannot be made as large as a great transaction
    needs (socket(7), SO_SNDBUFFORCE): then as many as are needed, each of which leaves a table that works.

    Raises:
        RulesError: nothing has changed, or with several steps, not everything.
    """
    books = declared_again(transaction)
    notes = tuple(note_again(name, await clients_of(name, books), books))
    try:
        await run_commands(render_transaction(name, transaction) + "".join(notes))
    except RulesError as error:
        if error.problem is not Problem.TOO_LONG:
            raise
        return await _change_in_parts(name, transaction, notes)
    return 1


async def _change_in_parts(name: TableName, transaction: Transaction, notes: tuple[str, ...]) -> int:
    parts = [render_transaction(name, transaction[i : i + PART]) for i in range(0, len(transaction), PART)]
    parts += ["".join(notes[i : i + PART]) for i in range(0, len(notes), PART)]
    for part in parts:
        await run_commands(part)
    return len(parts)


async def replace_table(name: TableName, table: Table, comment: str = "") -> int:
    """Replace the table of this name, and return the number of transactions.

    Clients that are remembered with a target that the table knows stay so, as far as its time-outs allow.

    One step, in which no packet sees anything in between, unless ``change_table``'s exception applies.

    Raises:
        RulesError: nothing has changed, or with several steps, not everything.
    """
    books = notebooks_of(table)
    notes = tuple(note_again(name, await clients_of(name, books), books))
    try:
        await run_commands(removal(name) + render_table(name, table, comment) + "".join(notes))
    except RulesError as error:
        if error.problem is not Problem.TOO_LONG:
            raise
        empty = Table(table.chains, table.sets)
        await run_commands(removal(name) + render_table(name, empty, comment))
        return 1 + await _change_in_parts(name, diff(empty, table), notes)
    return 1


async def list_table(name: TableName) -> Listing | None:
    """Read the current table; None if it does not exist.

    Raises:
        RulesError: it cannot be read.
    """
    try:
        return read_listing(await run_program("-y", "list", "table", family_word(name.family), name.name))
    except RulesError as error:
        if error.problem is not Problem.OUT_OF_STEP:
            raise
        return None


async def try_out_table(name: TableName, table: Table) -> RulesError | None:
    """Check whether the kernel would accept a whole table in place of the one with its name, without changing
    anything."""
    try:
        await run_program("-c", "-f", "-", commands=removal(name) + render_table(name, table))
    except RulesError as error:
        return error
    return None


async def touch_table(name: TableName) -> None:
    """Carry out a transaction that changes nothing, to learn whether the kernel takes any.

    Raises:
        RulesError: it takes none.
    """
    await run_commands(f"add table {family_word(name.family)} {name.name}\n")


async def delete_table(name: TableName) -> bool:
    """Remove a table; whether it was there."""
    try:
        await run_commands(f"delete table {family_word(name.family)} {name.name}\n")
    except RulesError as error:
        if error.problem is not Problem.OUT_OF_STEP:
            raise
        return False
    return True


def generation() -> int:
    """The number of the namespace's ruleset; every transaction, ours or anybody's, makes it greater."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.send(struct.pack("=IHHIIBBH", 20, GET_GENERATION, REQUEST, 1, 0, 0, 0, 0))
        reply = netlink.recv(4096)
    attribute_header, value = struct.unpack_from("=HH", reply, 20), reply[24:28]
    assert attribute_header[1] == GENERATION_ID, f"not a generation message: {reply!r}"
    return int.from_bytes(value, "big")
