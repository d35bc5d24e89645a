"""Processes below a process, what they take of memory, and their end; from /proc."""

import os
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_LOOK_AGAIN = 0.002  # seconds


class Usage(NamedTuple):
    """The memory of a tree of processes; shared pages are divided among the processes that share them (PSS)."""

    processes: int
    kibibytes: int


def usage_of_tree(root: int) -> Usage:
    """The process and all its descendants; those that end in between are not counted."""
    return usage_of(tree(root))


def usage_of(pids: Iterable[int]) -> Usage:
    """The memory of some processes; 0 for those that have ended."""
    sizes = [proportional_kibibytes(pid) for pid in pids]
    found = [size for size in sizes if size is not None]
    return Usage(len(found), sum(found))


def tree(root: int) -> list[int]:
    """The process and all its descendants, by process id."""
    return below((root,))[root]


def below(roots: Iterable[int]) -> dict[int, list[int]]:
    """For each of some processes, itself and all its descendants, by process id; from one look at all processes."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(folder.name))
    return {root: walk(root, children) for root in roots}


def walk(root: int, children: Mapping[int, list[int]]) -> list[int]:
    """A process and all its descendants, by the children of each."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def kill_all(pids: Iterable[int]) -> None:
    """End processes that a look has just found, at once."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def end_descendants() -> None:
    """Kill everything below the caller, which must be the parent of all its orphans (``set_child_subreaper``), and
    collect it. Return when none is left: children forked in between are killed, too."""
    while descendants := [pid for pid in tree(os.getpid()) if pid != os.getpid()]:
        kill_all(descendants)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue
        time.sleep(_LOOK_AGAIN)


def proportional_kibibytes(pid: int) -> int | None:
    """The memory of a process, with shared pages divided; None when it has ended or the kernel does not tell us."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
