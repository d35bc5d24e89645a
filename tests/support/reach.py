"""Run inside a Pod, as its root: everything that it can reach, as JSON. Knows nothing but Python's standard library.

With arguments, it looks for these texts in the memory of every process; they are given backwards, so that this process
is not found itself.
"""

import json
import os
import stat
import sys

OWN = os.getpid()


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def listed(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return None


def texts(path):
    return [text for text in (read(path) or b"").decode().split("\0") if text]


def processes():
    """All but this one and its parents: what they are, their variables, open files, and files in their memory."""
    found = {}
    for pid in (name for name in listed("/proc") if name.isdigit() and int(name) not in own_line()):
        place = f"/proc/{pid}"
        maps = (read(f"{place}/maps") or b"").decode().splitlines()
        files = {line.split(maxsplit=5)[5] for line in maps if len(line.split()) > 5}
        found[pid] = {
            "name": (read(f"{place}/comm") or b"").decode().strip(),
            "variables": sorted(
                v.partition("=")[0] for v in (read(f"{place}/environ") or b"").decode().split("\0") if v
            ),
            "files": sorted({link(f"{place}/fd/{fd}") or "?" for fd in listed(f"{place}/fd")}),
            "mapped": sorted(file for file in files if file.startswith("/")),
            "root": listed(f"{place}/root"),
        }
    return found


def own_line():
    """This process and those above it but the container's own and the Pod's first."""
    line, pid = set(), OWN
    while pid > 1:
        line.add(pid)
        pid = int(read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[1])
    return line


def mounts():
    """Of each mount point: the kind of its file system, and whether something may be written there."""
    found = {}
    for line in read("/proc/self/mountinfo").decode().splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        found[fields[4]] = [right.split()[0], fields[5].split(",")[0]]
    return found


def sockets():
    """Unix sockets by name, abstract ones too, and files that are one."""
    named = [line.split()[7:] for line in read("/proc/net/unix").decode().splitlines()[1:]]
    found = [name[0] for name in named if name]
    folders = ["/"]
    while folders:
        for entry in entries(folders.pop()):
            if entry.is_dir(follow_symlinks=False):
                folders += [] if entry.path in ("/proc", "/sys", "/usr") else [entry.path]
            elif not entry.is_file(follow_symlinks=False) and is_socket(entry):
                found.append(entry.path)
    return sorted(found)


def entries(folder):
    try:
        return list(os.scandir(folder))
    except OSError:
        return []


def is_socket(entry):
    try:
        return stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode)
    except OSError:
        return False


def opened(paths):
    """Those that something can be written to, by their modes and by opening them. Nothing is written."""
    found = []
    for path in paths:
        try:
            if not os.stat(path).st_mode & 0o222:
                continue
            os.close(os.open(path, os.O_WRONLY))
            found.append(path)
        except OSError:
            continue
    return sorted(found)


def kernel_settings():
    paths = [f"/proc/{name}" for name in listed("/proc") if not name.isdigit() and os.path.isfile(f"/proc/{name}")]
    for top in ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/sys"):
        for folder, _, files in os.walk(top):
            paths += [os.path.join(folder, name) for name in files]
    return opened(paths)


def made():
    """Folders of the first two levels in which a file can be made."""
    found = []
    tops = [f"/{name}" for name in listed("/") if name not in ("proc", "sys", "dev")]
    for folder in ["/", *tops, *(f"{top}/{name}" for top in tops for name in listed(top))]:
        path = os.path.join(folder, ".reach")
        if os.path.islink(folder) or not os.path.isdir(folder):
            continue
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            os.unlink(path)
            found.append(folder)
        except OSError:
            continue
    return sorted(found)


def in_memory(texts):
    """Which texts are in the memory of which other process, whatever that may be in the next moment."""
    found = []
    for pid in (name for name in listed("/proc") if name.isdigit() and int(name) != OWN):
        for line in (read(f"/proc/{pid}/maps") or b"").decode().splitlines():
            start, end = (int(place, 16) for place in line.split()[0].split("-"))
            if line.split()[1].startswith("rw") and end - start < 1 << 30:
                try:
                    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                        memory.seek(start)
                        held = memory.read(end - start)
                except (OSError, OverflowError):
                    continue
                found += [[pid, text] for text in texts if text[::-1].encode() in held]
    return found


def main():
    if sys.argv[1:]:
        print(json.dumps(in_memory(sys.argv[1:])))
        return
    parts = (processes, mounts, sockets, kernel_settings, made)
    print(json.dumps({part.__name__: part() for part in parts}))


main()
