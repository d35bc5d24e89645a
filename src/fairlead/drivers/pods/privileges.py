"""Becomes the user that a container runs as, with no more capabilities than a container has.

Root of the machine simply changes its user. In the lab of an ordinary user the kernel knows one user only, uid 0 of the
lab's user namespace; any other becomes that same user in a user namespace of the container's own, in which it has the
number that was asked for (user_namespaces(7)). To the outside, its files and processes are the ordinary user's still.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from fairlead.drivers.linux.calls import (
    CLONE_NEWUSER,
    clear_capabilities,
    limit_capabilities,
    set_no_new_privileges,
    setns,
    unshare,
)
from fairlead.nodeagent.credentials import ROOT, ProcessCredentials

# What container runtimes leave to an unprivileged container (numbers of linux/capability.h): file ownership, kill,
# set[ug]id, low ports, raw sockets, chroot, audit, file capabilities. No NET_ADMIN: a Pod cannot write rules,
# unless it is given that (``nodeagent.security_context``). No MKNOD,
# which they give, with a device cgroup in front: a container sees the machine's root folder, and could make its disks.
CONTAINER_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31})

_OUT_OF_REACH = 35  # CAP_WAKE_ALARM, which a process that sleeps does not use


def become(credentials: ProcessCredentials, like: int | None = None) -> None:
    """Become this user permanently, with a container's privileges.

    Args:
        like: pidfd of a process of the same container, whose user namespace is joined if it has one of its own.

    Raises:
        OSError: the kernel does not allow it.
    """
    if not _has(credentials):
        if like is None:
            _enter_user_namespace(credentials)
        else:
            setns(like, CLONE_NEWUSER)
    give_up_privileges(credentials.capabilities)
    if Path("/proc/self/setgroups").read_text().strip() == "allow":
        os.setgroups(credentials.groups)
    os.setgid(credentials.gid)
    os.setuid(credentials.uid)
    if credentials.uid != ROOT:
        clear_capabilities()


def give_up_privileges(more: Iterable[int] = ()) -> None:
    """Permanently drop all capabilities but a container's default ones and ``more`` (their numbers)."""
    limit_capabilities(CONTAINER_CAPABILITIES.union(more))
    set_no_new_privileges()


def give_up_most_privileges() -> None:
    """As ``give_up_privileges``, but stay a process that no container may look into: the kernel asks who wants to see
    another's root folder for all of its capabilities (ptrace(2)), and no container can have this one."""
    limit_capabilities(CONTAINER_CAPABILITIES | {_OUT_OF_REACH})
    set_no_new_privileges()


def hand_over(fd: int, credentials: ProcessCredentials) -> None:
    """Let the user open a pipe or terminal of ours again by its name, such as ``/dev/stdout``. What else it may be, as
    ``/dev/null``, belongs to everybody."""
    is_ours = stat.S_ISFIFO(os.fstat(fd).st_mode) or os.isatty(fd)
    if credentials.uid != ROOT and is_ours and _has(credentials):
        os.fchown(fd, credentials.uid, -1)


def give_to_group(path: Path, gid: int | None) -> None:
    """Change the group of our file, if groups other than our own exist."""
    if gid is not None and is_mapped("gid", gid):
        os.chown(path, -1, gid)


def _has(credentials: ProcessCredentials) -> bool:
    """Whether our user namespace knows the user and the group."""
    return is_mapped("uid", credentials.uid) and is_mapped("gid", credentials.gid)


def is_mapped(kind: str, number: int) -> bool:
    """Whether our user namespace knows this user (``uid``) or group (``gid``)."""
    ranges = (map(int, line.split()) for line in Path(f"/proc/self/{kind}_map").read_text().splitlines())
    return any(first <= number < first + count for first, _, count in ranges)


def _enter_user_namespace(credentials: ProcessCredentials) -> None:
    """A new user namespace, in which our present user has the numbers asked for. It has no other groups: who may map
    only itself may not set any."""
    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{credentials.uid} {uid} 1"),
        ("gid_map", f"{credentials.gid} {gid} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(text)
