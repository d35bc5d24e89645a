"""Carries out nft transactions: one ``nft -f -``, or what amounts to it, each; whole or not at all.

Runs in the network namespace of the calling process and needs CAP_NET_ADMIN there.
"""

import asyncio
import ctypes
import enum
import re
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import NamedTuple

from fairlead.netfilter.nft_listing import Listing, read_listing
from fairlead.netfilter.nft_text import family_word, noted_as, noted_in, render_table, render_transaction
from fairlead.netfilter.ruleset import Table, TableName, Target, remembered
from fairlead.netfilter.transaction import Transaction, diff

NETLINK_NETFILTER = 12
GET_GENERATION = (10 << 8) | 16  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN
GENERATION_ID = 1  # NFTA_GEN_ID
REQUEST = 1  # NLM_F_REQUEST
GREAT = 1 << 16  # octets of commands
_NOTE = re.compile(r"([0-9a-f.:]+)(?: timeout \S+)? expires (\S+) : ([0-9a-f.: ]*[0-9a-f])")
PART = 500  # operations in a step where one step is too long: some 100 octets of netlink each, of 200 kB allowed


class Problem(enum.Enum):
    """Whose fault a refused transaction is."""

    NOT_INSTALLED = "not installed: install the packages nftables and iptables"
    NOT_PERMITTED = "CAP_NET_ADMIN is needed in this network namespace: run as root there"
    OUT_OF_STEP = "the table is not what was expected: something else has changed it"
    TOO_LONG = "the transaction is longer than what a socket may hold here"
    OTHER = "the transaction was refused"


class RulesError(Exception):
    """A transaction was not carried out; the table is as it was. ``problem`` classifies why."""

    def __init__(self, problem: Problem, detail: str = "") -> None:
        super().__init__(f"{problem.value}: {detail}" if detail else problem.value)
        self.problem = problem


# nft prints strerror(3) texts; it does not translate them, so matching the English is safe.
_PROBLEMS = (
    ("No such file or directory", Problem.OUT_OF_STEP),
    ("File exists", Problem.OUT_OF_STEP),
    ("Device or resource busy", Problem.OUT_OF_STEP),
    ("Operation not permitted", Problem.NOT_PERMITTED),
    ("Message too long", Problem.TOO_LONG),
)


async def change_table(name: TableName, transaction: Transaction) -> int:
    """Carry out a transaction on a table that is there; the number of steps that it took.

    One step, unless this is a user namespace, where a socket's buffer cannot be made as large as a great transaction
    needs (socket(7), SO_SNDBUFFORCE): then as many as are needed, each of which leaves a table that works.

    Raises:
        RulesError: nothing has changed, or with several steps, not everything.
    """
    try:
        await _run(render_transaction(name, transaction))
    except RulesError as error:
        if error.problem is not Problem.TOO_LONG:
            raise
        parts = [transaction[start : start + PART] for start in range(0, len(transaction), PART)]
        for part in parts:
            await _run(render_transaction(name, part))
        return len(parts)
    return 1


async def replace_table(name: TableName, table: Table, comment: str = "") -> int:
    """Put a whole table in place of whatever has its name; the number of steps that it took.

    Clients that are remembered with a target that the table knows stay so.

    One step, in which no packet sees anything in between, unless ``change_table``'s exception applies.

    Raises:
        RulesError: nothing has changed, or with several steps, not everything.
    """
    known = remembered(table)
    maps = [set_.name for set_ in table.sets.values() if set_.is_noted_in]
    clients = [client for map_ in maps for client in await clients_of(name, map_)]
    kept = "".join(_remember(name, client) for client in clients if (client.map, client.target) in known)
    try:
        await _run(_removal(name) + render_table(name, table, comment) + kept)
    except RulesError as error:
        if error.problem is not Problem.TOO_LONG:
            raise
        empty = Table(table.chains, table.sets)
        await _run(_removal(name) + render_table(name, empty, comment))
        return 1 + await change_table(name, diff(empty, table))
    return 1


async def list_table(name: TableName) -> Listing | None:
    """What is there now; None when there is no such table.

    Raises:
        RulesError: it cannot be read.
    """
    try:
        return read_listing(await _run_program("-y", "list", "table", family_word(name.family), name.name))
    except RulesError as error:
        if error.problem is not Problem.OUT_OF_STEP:
            raise
        return None


class Client(NamedTuple):
    """A client that a map remembers: its address, for how long yet (as nft spells it), and its endpoint."""

    map: str
    source: str
    expires: str
    target: Target


async def clients_of(name: TableName, map_: str) -> list[Client]:
    """Everybody whom a map remembers; nobody when there is no such map."""
    notes = [await _notes(name, part) for part in noted_in(map_, name.family)]
    sources = sorted(set.intersection(*map(set, notes)))
    return [_client(map_, source, [of_part[source] for of_part in notes]) for source in sources]


async def _notes(name: TableName, map_: str) -> dict[str, tuple[str, str]]:
    """When the note on each source expires, and what it says."""
    try:
        text = await _run_program("list", "map", family_word(name.family), name.name, map_)
    except RulesError:
        return {}
    return {source: (expires, value) for source, expires, value in _NOTE.findall(text)}


def _client(map_: str, source: str, notes: list[tuple[str, str]]) -> Client:
    address, port = " . ".join(value for _, value in notes).split(" . ")
    return Client(map_, source, notes[0][0], Target(address, int(port)))


async def forget_clients(name: TableName, gone: Iterable[tuple[str, Target]]) -> None:
    """Let go whoever is remembered with a target that is gone: the next connection finds another."""
    wanted = frozenset(gone)
    for map_ in {map_ for map_, _ in wanted}:
        for client in await clients_of(name, map_):
            if (map_, client.target) in wanted:
                with suppress(RulesError):  # its time was up in between
                    await _run(_change_notes("delete", name, client, client.source))


async def forget_unknown(name: TableName, table: Table) -> None:
    """Let go whoever is remembered with a target that the table does not know."""
    known = remembered(table)
    maps = [set_.name for set_ in table.sets.values() if set_.is_noted_in]
    clients = [client for map_ in maps for client in await clients_of(name, map_)]
    await forget_clients(name, {(c.map, c.target) for c in clients} - known)


def _remember(name: TableName, client: Client) -> str:
    return _change_notes("add", name, client, f"{client.source} expires {client.expires}")


def _change_notes(verb: str, name: TableName, client: Client, key: str) -> str:
    notes = zip(noted_in(client.map, name.family), noted_as(client.target, name.family), strict=True)
    return "".join(f"{verb} element {_there(name)} {map_} {{ {key} : {value} }}\n" for map_, value in notes)


def _there(name: TableName) -> str:
    return f"{family_word(name.family)} {name.name}"


async def delete_table(name: TableName) -> None:
    """Remove a table, if it is there."""
    await _run(_removal(name))


def generation() -> int:
    """The number of the namespace's ruleset; every transaction, ours or anybody's, makes it greater."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.send(struct.pack("=IHHIIBBH", 20, GET_GENERATION, REQUEST, 1, 0, 0, 0, 0))
        reply = netlink.recv(4096)
    attribute_header, value = struct.unpack_from("=HH", reply, 20), reply[24:28]
    assert attribute_header[1] == GENERATION_ID, f"not a generation message: {reply!r}"
    return int.from_bytes(value, "big")


def _removal(name: TableName) -> str:
    """Adding first makes deleting a table that may not be there an operation that cannot fail."""
    return f"add table {_there(name)}\ndelete table {_there(name)}\n"


async def _run(commands: str) -> None:
    """Small transactions, which are nearly all, in this process: a program takes several times as long to start.

    A great one goes to the program, with whose end its memory is given back.
    """
    if len(commands) > GREAT:
        await _run_program("-f", "-", commands=commands)
    elif error := _library().run(commands):
        raise classified(error)


class _Library:
    """libnftables, which is what nft(8) is made of: its socket is in the namespace that it was first used in."""

    def __init__(self) -> None:
        try:
            self._calls = ctypes.CDLL("libnftables.so.1")
        except OSError as error:
            raise RulesError(Problem.NOT_INSTALLED, "libnftables") from error
        self._calls.nft_ctx_new.restype = ctypes.c_void_p
        self._calls.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        self._context = ctypes.c_void_p(self._calls.nft_ctx_new(0))
        self._calls.nft_ctx_buffer_error(self._context)

    def run(self, commands: str) -> str:
        """Carry out the commands; what went wrong, "" for nothing."""
        if not self._calls.nft_run_cmd_from_buffer(self._context, ctypes.c_char_p(commands.encode())):
            return ""
        message = self._calls.nft_ctx_get_error_buffer(self._context) or b""
        return message.decode(errors="replace").strip() or "refused without a word"


@cache
def _library() -> _Library:
    return _Library()


async def _run_program(*arguments: str, commands: str = "") -> str:
    pipe = asyncio.subprocess.PIPE
    try:
        nft = await asyncio.create_subprocess_exec("nft", *arguments, stdin=pipe, stdout=pipe, stderr=pipe)
    except FileNotFoundError as error:
        raise RulesError(Problem.NOT_INSTALLED, "nft") from error
    output, errors = await nft.communicate(commands.encode())
    if nft.returncode:
        raise classified(errors.decode(errors="replace"))
    return output.decode()


def classified(stderr: str) -> RulesError:
    """The error that stands for what a program said."""
    problem = next((problem for text, problem in _PROBLEMS if text in stderr), Problem.OTHER)
    return RulesError(problem, stderr.strip()[:2000])
