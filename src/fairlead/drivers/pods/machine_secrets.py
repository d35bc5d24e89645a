"""Files of this machine that are hidden from Pods, although Pods run this machine's programs.

A Pod of root's lab runs as root, so the modes of files do not keep it from them. Two kinds are hidden: what only Pods
of the machine's users and services could want (homes, run-time sockets, shared temporary folders), and what no other
user of the machine may read, such as ``/etc/shadow``, host keys, or the data folders of databases.
"""

import functools
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import fairlead

# Folders of users and of running services; a container has empty ones instead, to which it may write.
EMPTY_FOLDERS = {"/home": 0o755, "/root": 0o700, "/run": 0o755, "/tmp": 0o1777, "/var/tmp": 0o1777}  # noqa: S108
_EVERYBODYS = tuple(f"{path}/" for path, mode in EMPTY_FOLDERS.items() if mode == 0o1777)
# Where private files are looked for, and how many levels of folders below: deep enough for what services of a machine
# keep (/var/lib/SERVICE, /etc/SERVICE/…), at the cost of some thousand directory entries.
_SEARCHED = {"/": 0, "/etc": 8, "/opt": 1, "/srv": 1, "/var": 2}


@functools.cache
def private_paths() -> tuple[str, ...]:
    """The paths that other users of this machine cannot read. Computed once, by the launcher, for all Pods."""
    return tuple(path for folder, levels in _SEARCHED.items() for path in _private_below(folder, levels))


def _private_below(folder: str, levels: int) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # not there, or closed to us as it is to others
        return
    for entry in entries:
        if entry.is_symlink():
            continue
        is_folder = entry.is_dir(follow_symlinks=False)
        if not entry.stat(follow_symlinks=False).st_mode & (stat.S_IXOTH if is_folder else stat.S_IROTH):
            yield entry.path
        elif is_folder and levels:
            yield from _private_below(entry.path, levels - 1)


def own_programs() -> list[str]:
    """The folders of this interpreter and of Fairlead: built-in images may import more while they run. In folders that
    are readable for all users, they stay hidden."""
    folders = {sys.prefix, sys.base_prefix, str(Path(fairlead.__file__).parent)}
    return sorted(path for path in map(os.path.realpath, folders) if not path.startswith(_EVERYBODYS))
