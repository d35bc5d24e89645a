"""Runs a program that is not ours as a component of a lab: its output is the component's log, and it ends with it."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence

from fairlead.drivers.linux.calls import set_parent_death_signal

ENDS_WITHIN = 10.0  # seconds from SIGTERM on


class ProgramEnded(Exception):
    """It has ended by itself; the message says how."""


async def run_program(command: Sequence[str], ready: Callable[[], None]) -> None:
    """Run it until cancelled, which ends it.

    Args:
        command: program and arguments. It gets no environment but a path, and no input.
        ready: called once it has been started; whether it answers is for its clients to see.

    Raises:
        ProgramEnded: it has ended by itself. OSError: it cannot be run.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": "/"},
        preexec_fn=_die_with_parent,
    )
    ready()
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise
    raise ProgramEnded(f"{command[0]} has ended with {code}")


def _die_with_parent() -> None:
    set_parent_death_signal(signal.SIGKILL)


async def _end(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    try:
        async with asyncio.timeout(ENDS_WITHIN):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
