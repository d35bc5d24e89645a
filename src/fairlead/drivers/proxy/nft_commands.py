"""Runs nft's commands, each batch whole or not at all: in this process by libnftables, or by the program.

Runs in the network namespace of the calling process and needs CAP_NET_ADMIN there.
"""

import ctypes
import enum
from functools import cache

from fairlead.drivers.linux.programs import run_to_end

GREAT = 1 << 16  # octets of commands


class Problem(enum.Enum):
    """The cause of a refused transaction."""

    NOT_INSTALLED = "not installed: install the packages nftables, iptables and ipset"
    NOT_PERMITTED = "CAP_NET_ADMIN is needed in this network namespace: run as root there"
    OUT_OF_STEP = "the table is not what was expected: something else has changed it"
    TOO_LONG = "the transaction is longer than what a socket may hold here"
    OTHER = "the transaction was refused"


class RulesError(Exception):
    """A transaction was not carried out; the table is as it was. ``problem`` classifies why."""

    def __init__(self, problem: Problem, detail: str = "") -> None:
        super().__init__(f"{problem.value}: {detail}" if detail else problem.value)
        self.problem = problem

    @property
    def is_about_content(self) -> bool:
        """Whether other rules might have been carried out."""
        return self.problem in (Problem.OTHER, Problem.OUT_OF_STEP)


# nft prints strerror(3) texts; it does not translate them, so matching the English is safe.
_PROBLEMS = (
    ("No such file or directory", Problem.OUT_OF_STEP),
    ("File exists", Problem.OUT_OF_STEP),
    ("Device or resource busy", Problem.OUT_OF_STEP),
    ("Operation not permitted", Problem.NOT_PERMITTED),
    ("Permission denied", Problem.NOT_PERMITTED),
    ("Message too long", Problem.TOO_LONG),
)


async def run_commands(commands: str) -> None:
    """Small transactions, which are nearly all, in this process: a program takes several times as long to start.

    A great one goes to the program, with whose end its memory is given back.
    """
    if len(commands) > GREAT:
        await run_program("-f", "-", commands=commands)
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
        return message.decode(errors="replace").strip() or "refused, and no reason given"


@cache
def _library() -> _Library:
    return _Library()


async def run_program(*arguments: str, commands: str = "") -> str:
    try:
        ended = await run_to_end("nft", *arguments, text=commands)
    except FileNotFoundError as error:
        raise RulesError(Problem.NOT_INSTALLED, "nft") from error
    if ended.code:
        raise classified(ended.errors)
    return ended.output


def classified(stderr: str) -> RulesError:
    """The error for a program's message."""
    problem = next((problem for text, problem in _PROBLEMS if text in stderr), Problem.OTHER)
    return RulesError(problem, stderr.strip()[:2000])
