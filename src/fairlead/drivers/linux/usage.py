"""Resource usage of processes, network interfaces, file systems and the machine, from /proc and statvfs(2).

Nothing here needs control groups: a lab without root has none. So a Pod's processes are those of its PID namespace, and
a container's are the descendants of its first process; what both have used before they ended is counted as far as a
parent has waited for it.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from fairlead.drivers.linux.process_tree import proportional_kibibytes, walk
from fairlead.nodeagent.usage import FileSystem, Interface, Use

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")  # nanoseconds
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


class ProcessUsage(NamedTuple):
    """One process, by its numbers here."""

    pid: int
    parent: int
    use: Use


def pid_namespace(pid: int) -> int:
    """The identity of a process's PID namespace; 0 if the process has ended."""
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    except _GONE:
        return 0


def processes_by_namespace(wanted: Iterable[int]) -> dict[int, list[ProcessUsage]]:
    """The processes of some PID namespaces."""
    found: dict[int, list[ProcessUsage]] = {namespace: [] for namespace in wanted}
    for folder in _PROC.glob("[0-9]*"):
        namespace = pid_namespace(int(folder.name))
        if namespace in found and (process := _process(folder)):
            found[namespace].append(process)
    return found


def _process(folder: Path) -> ProcessUsage | None:
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        resident = int(fields[21]) * _PAGE
    except _GONE:
        return None
    kibibytes = proportional_kibibytes(int(folder.name))
    # proc_pid_stat(5): 4 is the parent, 10 to 13 faults, 14 to 17 times; here the third is the first.
    faults, of_children, major, major_of_children, *times = (int(field) for field in fields[7:15])
    use = Use(
        cpu=sum(times) * _TICK,
        memory=resident if kibibytes is None else kibibytes * 1024,
        resident=resident,
        page_faults=faults + of_children,
        major_page_faults=major + major_of_children,
    )
    return ProcessUsage(int(folder.name), int(fields[1]), use)


def total(processes: Iterable[ProcessUsage]) -> Use:
    """The sum of several usages."""
    uses = [process.use for process in processes]
    return Use(
        cpu=sum(use.cpu for use in uses),
        memory=sum(use.memory for use in uses),
        resident=sum(use.resident for use in uses),
        page_faults=sum(use.page_faults for use in uses),
        major_page_faults=sum(use.major_page_faults for use in uses),
    )


def descendants(root: int, processes: Iterable[ProcessUsage]) -> list[ProcessUsage]:
    """A process and those below it."""
    known = {process.pid: process for process in processes}
    if root not in known:
        return []
    children: dict[int, list[int]] = {}
    for process in known.values():
        children.setdefault(process.parent, []).append(process.pid)
    return [known[pid] for pid in walk(root, children)]


def interfaces_of(pid: int | str) -> tuple[Interface, ...]:
    """The network interfaces that a process sees (``self``: this one), without loopback."""
    try:
        lines = (_PROC / str(pid) / "net" / "dev").read_text().splitlines()[2:]
    except _GONE:
        return ()
    return tuple(each for each in map(_interface, lines) if each.name != "lo")


def _interface(line: str) -> Interface:
    name, _, numbers = line.partition(":")
    fields = [int(number) for number in numbers.split()]
    return Interface(name.strip(), fields[0], fields[2], fields[8], fields[10])


def file_system(folder: Path) -> FileSystem:
    """The file system that a folder is on, or will be made on."""
    while not folder.exists():
        folder = folder.parent
    found = os.statvfs(folder)
    return FileSystem(found.f_frsize * found.f_blocks, found.f_frsize * found.f_bavail, found.f_files, found.f_favail)


class _MountPoint(NamedTuple):
    """A line of a process's table of mounts: proc_pid_mountinfo(5)."""

    device: str
    root: str
    path: str
    kind: str


def own_octets(pid: int, kind: str, places: Collection[str]) -> int:
    """Octets in file systems that a process has and this one does not: what a container has written into its root.

    Those in memory know how full they are, so the cost does not depend on the number of files.

    Args:
        kind: of the file systems that count, such as ``tmpfs``.
        places: where they count if they are mounted there, by the paths that the process sees.
    """
    with suppress(*_GONE):
        shared = {mounted.device for mounted in _mounts("self")}
        there = {each.path: each for each in _mounts(str(pid)) if each.path in places}  # the last is on top
        own = (each for each in there.values() if each.kind == kind and each.root == "/" and each.device not in shared)
        return sum(_used(f"/proc/{pid}/root{each.path}") for each in own)
    return 0


def _used(path: str) -> int:
    found = os.statvfs(path)
    return found.f_frsize * (found.f_blocks - found.f_bfree)


def _mounts(process: str) -> Iterator[_MountPoint]:
    for line in Path("/proc", process, "mountinfo").read_text(errors="surrogateescape").splitlines():
        fields, _, rest = line.partition(" - ")
        _, _, device, root, path, *_ = fields.split(" ")
        yield _MountPoint(device, root, path, rest.split(" ")[0])


class Machine(NamedTuple):
    """The machine: its processor time, memory in octets, and when it was started (seconds since the epoch)."""

    cpu: int
    memory_total: int
    memory_available: int
    booted_at: int


def machine() -> Machine:
    """This machine."""
    statistics = (_PROC / "stat").read_text().splitlines()
    # user, nice, system, (idle, iowait,) irq, softirq, steal
    times = [int(number) for number in statistics[0].split()[1:9]]
    booted_at = next((int(line.split()[1]) for line in statistics if line.startswith("btime ")), 0)
    memory = _meminfo()
    busy = sum(times) - sum(times[3:5])
    return Machine(busy * _TICK, memory["MemTotal"], memory["MemAvailable"], booted_at)


def _meminfo() -> Mapping[str, int]:
    lines = (_PROC / "meminfo").read_text().splitlines()
    fields = (line.split() for line in lines)
    return {name.rstrip(":"): int(amount) * 1024 for name, amount, *_ in fields}
