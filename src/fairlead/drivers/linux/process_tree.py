"""Processes below a process, and what they take of memory, from /proc."""

from pathlib import Path
from typing import NamedTuple


class Usage(NamedTuple):
    """What a tree of processes takes; shared pages are divided among those that share them (PSS)."""

    processes: int
    kibibytes: int


def usage_of_tree(root: int) -> Usage:
    """The process and all its descendants; those that end meanwhile count for nothing."""
    sizes = [proportional_kibibytes(pid) for pid in tree(root)]
    found = [size for size in sizes if size is not None]
    return Usage(len(found), sum(found))


def tree(root: int) -> list[int]:
    """The process and all its descendants, by process id."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def proportional_kibibytes(pid: int) -> int | None:
    """The memory of a process, with shared pages divided; None when it has ended or the kernel does not tell us."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
