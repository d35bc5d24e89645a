"""Runs programs to their end, in this process's terminal or beside the event loop."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

NOT_FOUND, TIMED_OUT = 127, 124  # exit codes of a shell, and of timeout(1)

PIPE = asyncio.subprocess.PIPE


class Completed(NamedTuple):
    """A program that has ended: its exit code, below 0 if a signal ended it, and what it wrote."""

    code: int
    output: str
    errors: str


async def run_to_end(*command: str, text: str = "") -> Completed:
    """Run a program, and end it if the caller is cancelled.

    Args:
        command: the program and its arguments; no shell reads them.
        text: its standard input.

    Raises:
        OSError: it cannot be run; FileNotFoundError if it is not installed.
    """
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    try:
        output, errors = await process.communicate(text.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Completed(process.returncode or 0, output.decode(errors="replace"), errors.decode(errors="replace"))


def run_command(arguments: Sequence[str], environment: Mapping[str, str], seconds: float | None = None) -> int:
    """The exit code of the command, 128 + n when signal n ended it. Ctrl-C is for it alone; after so many seconds it is
    told to end."""
    before = signal.signal(signal.SIGINT, lambda *_: None)  # a handler, which the command does not inherit
    try:
        process = subprocess.Popen(arguments, env={**os.environ, **environment})
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            return TIMED_OUT
    except FileNotFoundError:
        return NOT_FOUND
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code
