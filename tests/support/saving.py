"""Coverage of processes that are killed: SIGUSR1 has one save what it has measured so far.

A plugin of coverage.py, which loads it in every process that it measures. A lab ends by SIGKILL, so that its processes
never get to save by themselves; the tests send the signal before that (``labs.Lab.close``).
"""

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import coverage

SIGNAL = signal.SIGUSR1


def is_measured() -> bool:
    """Whether this process is measured, and so are those that it starts."""
    return coverage.Coverage.current() is not None


def coverage_init(*_: Any) -> None:
    """Called by coverage.py when it starts, in the main thread of a new or forked process."""
    signal.signal(SIGNAL, save)


def save(*_: int | FrameType | None) -> None:
    """Write down what this process has measured so far, if it is measured."""
    if measuring := coverage.Coverage.current():
        measuring.save()


def catches_signal(pid: int) -> bool:
    """Whether a process would survive the signal: what has not begun to measure would end."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (SIGNAL - 1) & 1)
