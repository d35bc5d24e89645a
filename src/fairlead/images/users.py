"""Users and groups of an image, by its own ``/etc/passwd`` and ``/etc/group``, as container runtimes read them.

Formats: passwd(5), group(5). Lines that are not of the format are passed over, as the C library does.
"""

from collections.abc import Iterator
from typing import NamedTuple

LARGEST_ID = 2**31 - 1  # as upstream allows


class UserError(Exception):
    """The image has no such user or group; the message names it."""


class Accounts(NamedTuple):
    """The texts of both files; empty where the image has none."""

    passwd: str = ""
    group: str = ""


NO_ACCOUNTS = Accounts()


class Identity(NamedTuple):
    """Numbers of a user and its group, the groups that it is in besides, and its home folder (empty: unknown)."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    home: str = ""


class _User(NamedTuple):
    name: str
    uid: int
    gid: int
    home: str


def identity_of(user: str, accounts: Accounts) -> Identity:
    """Resolve ``USER[:GROUP]``, names or numbers; empty means root. A number needs no entry, a name does.

    Raises:
        UserError: there is no such name.
    """
    name, _, group = user.partition(":")
    found = _user(name or "0", accounts)
    groups = tuple(gid for gid, members in _groups(accounts.group) if found.name and found.name in members)
    gid = _group(group, accounts) if group else found.gid
    return Identity(found.uid, gid, tuple(dict.fromkeys(groups)) if not group else (), found.home)


def is_name(user: str) -> bool:
    """Whether the user of ``USER[:GROUP]`` is given by name, so that only the image knows the number."""
    name = user.partition(":")[0]
    return bool(name) and not name.isdecimal()


def _user(text: str, accounts: Accounts) -> _User:
    number = _number(text)
    for user in _users(accounts.passwd):
        if user.name == text or user.uid == number:
            return user
    if number is None:
        raise UserError(f"unable to find user {text}: no matching entries in passwd file")
    return _User("", number, 0, "")


def _group(text: str, accounts: Accounts) -> int:
    number = _number(text)
    if number is not None:
        return number
    for line in accounts.group.splitlines():
        match line.split(":"):
            case [name, _, gid, *_] if name == text and _number(gid) is not None:
                return int(gid)
    raise UserError(f"unable to find group {text}: no matching entries in group file")


def _users(text: str) -> Iterator[_User]:
    for line in text.splitlines():
        match line.split(":"):
            case [name, _, uid, gid, _, home, *_] if _number(uid) is not None and _number(gid) is not None:
                yield _User(name, int(uid), int(gid), home)


def _groups(text: str) -> Iterator[tuple[int, list[str]]]:
    for line in text.splitlines():
        match line.split(":"):
            case [_, _, gid, members, *_] if _number(gid) is not None:
                yield int(gid), members.split(",")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= LARGEST_ID else None
