"""Runs a command as root or as an ordinary user, so that one test can be shown under both.

An ordinary user may not be allowed to walk to this checkout or to the interpreter (a root-only home, a temporary folder
of CI). The command then runs in a mount namespace of its own, in which just those two places are laid open; nothing
changes outside it.
"""

import os
import pwd
import shlex
import sys
from pathlib import Path

from tests.support.full import IS_FULL

CHECKOUT = Path(__file__).resolve().parents[2]
NEEDED = (CHECKOUT, Path(sys.base_prefix).resolve())


class User:
    """Somebody who runs commands.

    Attributes:
        name: ``root`` or ``ordinary``, as tests print it.
    """

    def __init__(self, name: str, uid: int) -> None:
        self.name, self.uid = name, uid

    def __repr__(self) -> str:
        return self.name

    def command(self, *arguments: str) -> list[str]:
        """The argument list that runs ``arguments`` as this user."""
        if self.uid == os.geteuid():
            return list(arguments)
        drop = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", "--no-new-privs"]
        return ["unshare", "--mount", "sh", "-ec", _lay_open() + 'exec "$@"', "sh", *drop, *arguments]


class RangedUser(User):
    """An ordinary user that has 65,536 users more by ``/etc/subuid``, in its own sight alone, and may run
    ``newuidmap``."""

    def command(self, *arguments: str) -> list[str]:
        drop = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", *arguments]
        lines = [
            "ids=$(mktemp)",
            f'echo "{self.uid}:{FIRST_OF_RANGE}:65536" > "$ids"',
            'chmod 644 "$ids"',
            'mount --bind "$ids" /etc/subuid',
            'mount --bind "$ids" /etc/subgid',
            'rm "$ids"',
            'exec "$@"',
        ]
        return ["unshare", "--mount", "sh", "-ec", _lay_open() + "\n".join(lines), "sh", *drop]


FIRST_OF_RANGE = 2_000_000


def _lay_open() -> str:
    """Shell lines that put an openly readable folder in place of each one that an ordinary user cannot pass."""
    lines = ["stash=$(mktemp -d)", 'mount -t tmpfs -o mode=755 stash "$stash"']
    blocked: dict[Path, list[Path]] = {}
    for path in NEEDED:
        barrier = next((p for p in reversed(path.parents) if not p.stat().st_mode & 0o001), None)
        if barrier:
            blocked.setdefault(barrier, []).append(path)
    for number, path in enumerate(p for paths in blocked.values() for p in paths):
        lines.append(f'mkdir "$stash/{number}"; mount --bind {shlex.quote(str(path))} "$stash/{number}"')
    number = 0
    for barrier, paths in blocked.items():
        lines.append(f"mount -t tmpfs -o mode=755 open {shlex.quote(str(barrier))}")
        for path in paths:
            target = shlex.quote(str(path))
            lines.append(f'mkdir -p {target}; mount --bind "$stash/{number}" {target}')
            number += 1
    lines.append('umount -l "$stash"; rmdir "$stash"')
    return "\n".join(lines) + "\n"


def weakest() -> list[User]:
    """The user who may do least, with whom all else works; every user in a full run."""
    return users() if IS_FULL else users()[-1:]


def users() -> list[User]:
    """Root and an ordinary user where tests run as root; else just the ordinary user who runs them."""
    if os.geteuid() != 0:
        return [User("ordinary", os.geteuid())]
    return [User("root", 0), User("ordinary", pwd.getpwnam("nobody").pw_uid)]


def users_with_many() -> list[User]:
    """Root, and an ordinary user with a range of users, where tests run as root; else nobody who is certain to have
    more users than itself."""
    return [User("root", 0), RangedUser("ranged", pwd.getpwnam("nobody").pw_uid)] if os.geteuid() == 0 else []
