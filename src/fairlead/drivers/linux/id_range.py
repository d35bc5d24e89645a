"""Users and groups that an ordinary user has beside itself, seen from within a user namespace.

They are those that ``/etc/subuid`` and ``/etc/subgid`` give (subuid(5)), where ``newuidmap`` and ``newgidmap`` are
there to put them in force.
"""

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

ENOUGH = 65536  # users in a range, as images are made with


class IdRange(NamedTuple):
    """Numbers of users and of groups on the machine that stand for 1 and above in a lab."""

    first_uid: int
    first_gid: int
    size: int


def own_range() -> IdRange | None:
    """That of this process's user; None: it has none, or is root and needs none."""
    if os.geteuid() == 0:
        return None
    if not (shutil.which("newuidmap") and shutil.which("newgidmap")) or _has_no_new_privileges():
        return None
    uids, gids = (_first_range(Path("/etc", name)) for name in ("subuid", "subgid"))
    return IdRange(uids, gids, ENOUGH) if uids and gids else None


def _has_no_new_privileges() -> bool:
    """Whether set-user-ID programs, which those two are, do nothing for us."""
    return "NoNewPrivs:\t1" in Path("/proc/self/status").read_text()


def _first_range(file: Path) -> int | None:
    """The first number of the first range of ours that is large enough."""
    uid = os.geteuid()
    try:
        names = {str(uid), pwd.getpwuid(uid).pw_name}
    except KeyError:
        names = {str(uid)}
    try:
        lines = [line.strip().split(":") for line in file.read_text().splitlines()]
    except OSError:
        return None
    ranges = (fields for fields in lines if len(fields) == 3 and fields[0] in names)
    return next((int(first) for _, first, count in ranges if count.isdigit() and int(count) >= ENOUGH), None)


def map_users(pid: int, ids: IdRange | None) -> None:
    """Give a process in a new user namespace its users: us as root, and the range as the others.

    Raises:
        OSError: the kernel, or one of the two programs, refuses; why is in the message.
    """
    uid, gid = os.geteuid(), os.getegid()
    if ids is None:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            Path(f"/proc/{pid}/{name}").write_text(text)
        return
    for program, own, first in (("newuidmap", uid, ids.first_uid), ("newgidmap", gid, ids.first_gid)):
        words = [program, *map(str, (pid, 0, own, 1, 1, first, ids.size))]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"{program}: {done.stderr.strip()}")
