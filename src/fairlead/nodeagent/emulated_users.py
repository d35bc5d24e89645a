"""The effect of system calls about users on a process with emulated users, if the kernel has only one user for it.

The rules are those of setuid(2), setreuid(2), setresuid(2) and setgroups(2) for a process that keeps its capabilities
while its effective user is root.
"""

import errno
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

UNCHANGED = 0xFFFFFFFF  # the -1 of setreuid(2)
MOST_GROUPS = 65536  # NGROUPS_MAX


class Ids(NamedTuple):
    """The user IDs, or the group IDs, of a process."""

    real: int = 0
    effective: int = 0
    saved: int = 0


class Users(NamedTuple):
    """The identity of a process.

    Attributes:
        keeps: it keeps its capabilities when it becomes a user other than root (``PR_SET_KEEPCAPS``, prctl(2)).
    """

    uids: Ids = Ids()
    gids: Ids = Ids()
    groups: tuple[int, ...] = ()
    keeps: bool = False

    @property
    def is_root(self) -> bool:
        return self.uids.effective == 0

    @property
    def may_all(self) -> bool:
        """Whether it may become anybody."""
        return self.is_root or self.keeps


class CallOutcome(NamedTuple):
    """The result of a call: the new identity of the process, and the return value; ``error`` is an errno or 0."""

    users: Users
    value: int = 0
    error: int = 0


class NotPermitted(Exception):
    """The process may not take that identity."""


def _set(ids: Ids, may_all: bool, wanted: Sequence[int]) -> Ids:
    (number,) = wanted
    if may_all:
        return Ids(number, number, number)
    _require(number in (ids.real, ids.saved))
    return ids._replace(effective=number)


def _set_two(ids: Ids, may_all: bool, wanted: Sequence[int]) -> Ids:
    real, effective = wanted
    _require(may_all or real in (UNCHANGED, ids.real, ids.effective))
    _require(may_all or effective in (UNCHANGED, *ids))
    new = Ids(_or(real, ids.real), _or(effective, ids.effective), ids.saved)
    changes_saved = real != UNCHANGED or effective not in (UNCHANGED, ids.real)
    return new._replace(saved=new.effective) if changes_saved else new


def _set_three(ids: Ids, may_all: bool, wanted: Sequence[int]) -> Ids:
    _require(may_all or all(number in (UNCHANGED, *ids) for number in wanted))
    return Ids(*(_or(number, present) for number, present in zip(wanted, ids, strict=True)))


_SETTERS: Mapping[str, Callable[[Ids, bool, Sequence[int]], Ids]] = {
    "setuid": _set,
    "setgid": _set,
    "setreuid": _set_two,
    "setregid": _set_two,
    "setresuid": _set_three,
    "setresgid": _set_three,
}
_GETTERS: Mapping[str, Callable[[Users], int]] = {
    "getuid": lambda users: users.uids.real,
    "geteuid": lambda users: users.uids.effective,
    "getgid": lambda users: users.gids.real,
    "getegid": lambda users: users.gids.effective,
    # Which file system user a process has is not kept apart from its effective one.
    "setfsuid": lambda users: users.uids.effective,
    "setfsgid": lambda users: users.gids.effective,
}
CALLS = frozenset({*_SETTERS, *_GETTERS})
PASSED_ON = frozenset({"prctl", "execve", "execveat"})
_SET_KEEPCAPS = 8  # PR_SET_KEEPCAPS of linux/prctl.h
_NUMBERS = {"setuid": 1, "setgid": 1, "setreuid": 2, "setregid": 2, "setresuid": 3, "setresgid": 3}


def call(name: str, arguments: Sequence[int], users: Users) -> CallOutcome:
    """The outcome of one of ``CALLS``.

    Args:
        arguments: as the kernel has them: of 64 bits, of which numbers of users are the lower half.
    """
    if name in _GETTERS:
        return CallOutcome(users, _GETTERS[name](users))
    wanted = [argument & 0xFFFFFFFF for argument in arguments[: _NUMBERS[name]]]
    if len(wanted) == 1 and wanted[0] == UNCHANGED:
        return CallOutcome(users, error=errno.EINVAL)
    of_users = name.endswith("uid")
    try:
        ids = _SETTERS[name](users.uids if of_users else users.gids, users.may_all, wanted)
    except NotPermitted:
        return CallOutcome(users, error=errno.EPERM)
    return CallOutcome(users._replace(uids=ids) if of_users else users._replace(gids=ids))


def passed_on(name: str, arguments: Sequence[int], users: Users) -> Users:
    """The users of a process after one of ``PASSED_ON``, which the kernel executes."""
    if name == "prctl":
        keeps = bool(arguments[1]) and users.may_all  # who has none keeps none
        return users._replace(keeps=keeps) if arguments[0] == _SET_KEEPCAPS else users
    return users._replace(keeps=False)


def set_groups(groups: Sequence[int], users: Users) -> CallOutcome:
    """The outcome of setgroups(2)."""
    if not users.may_all:
        return CallOutcome(users, error=errno.EPERM)
    return CallOutcome(users._replace(groups=tuple(groups)))


def change_owner(uid: int, gid: int, users: Users) -> int:
    """The errno of chown(2) for a file that is there, or 0: all files are the process's own. Root may give them away,
    which changes nothing; others may give them to a group that they are in."""
    is_own = uid & 0xFFFFFFFF in (UNCHANGED, users.uids.effective)
    may_give = gid & 0xFFFFFFFF in (UNCHANGED, users.gids.effective, *users.groups)
    return 0 if users.may_all or (is_own and may_give) else errno.EPERM


def _or(wanted: int, present: int) -> int:
    return present if wanted == UNCHANGED else wanted


def _require(condition: bool) -> None:
    if not condition:
        raise NotPermitted
