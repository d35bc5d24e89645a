"""Carries out nft transactions: one ``nft -f -`` each, whole or not at all.

Runs in the network namespace of the calling process and needs CAP_NET_ADMIN there.
"""

import asyncio
import enum
import socket
import struct

from fairlead.netfilter.nft_text import family_word, render_table, render_transaction
from fairlead.netfilter.ruleset import Table, TableName
from fairlead.netfilter.transaction import Transaction

NETLINK_NETFILTER = 12
GET_GENERATION = (10 << 8) | 16  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN
GENERATION_ID = 1  # NFTA_GEN_ID
REQUEST = 1  # NLM_F_REQUEST


class Problem(enum.Enum):
    """Whose fault a refused transaction is."""

    NOT_INSTALLED = "not installed: install the packages nftables and iptables"
    NOT_PERMITTED = "CAP_NET_ADMIN is needed in this network namespace: run as root there"
    OUT_OF_STEP = "the table is not what was expected: something else has changed it"
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
)


async def change_table(name: TableName, transaction: Transaction) -> None:
    """Carry out a transaction on a table that is there.

    Raises:
        RulesError: nothing has changed.
    """
    await _run(render_transaction(name, transaction))


async def replace_table(name: TableName, table: Table, comment: str = "") -> None:
    """Put a whole table in place of whatever has its name, in one step: no packet sees anything in between.

    Raises:
        RulesError: nothing has changed.
    """
    await _run(_removal(name) + render_table(name, table, comment))


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
    there = f"{family_word(name.family)} {name.name}"
    return f"add table {there}\ndelete table {there}\n"


async def _run(commands: str) -> None:
    try:
        nft = await asyncio.create_subprocess_exec(
            "nft", "-f", "-", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except FileNotFoundError as error:
        raise RulesError(Problem.NOT_INSTALLED, "nft") from error
    _, stderr = await nft.communicate(commands.encode())
    if nft.returncode:
        raise _classified(stderr.decode(errors="replace"))


def _classified(stderr: str) -> RulesError:
    problem = next((problem for text, problem in _PROBLEMS if text in stderr), Problem.OTHER)
    return RulesError(problem, stderr.strip()[:2000])
