"""As whom a process runs: user, group and supplementary groups, as credentials(7) has them, and what more it may do.

Whatever enters a Pod needs this, and waits for it to be imported; so it knows nothing of manifests.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

ROOT = 0


class ProcessCredentials(NamedTuple):
    """The IDs of a process's user, group and supplementary groups (credentials(7)).

    Attributes:
        capabilities: those that it may have beyond the ones of every container (capabilities(7)).
    """

    uid: int = ROOT
    gid: int = ROOT
    groups: tuple[int, ...] = ()
    capabilities: tuple[int, ...] = ()


AS_ROOT = ProcessCredentials()


def credentials_from(row: Sequence[Any]) -> ProcessCredentials:
    """Convert credentials that JSON has turned into a list."""
    uid, gid, groups, capabilities = row
    return ProcessCredentials(uid, gid, tuple(groups), tuple(capabilities))


def passwd_with(text: str, credentials: ProcessCredentials) -> str | None:
    """A passwd(5) file in which the user has a name, as container runtimes give it (CRI-O does): programs such as
    PostgreSQL do not run as a user without one. None when the user has one already."""
    if any(line.split(":")[2:3] == [str(credentials.uid)] for line in text.splitlines()):
        return None
    uid, gid = credentials.uid, credentials.gid
    return f"{text.rstrip()}\n{uid}:x:{uid}:{gid}:{uid} user:/:/sbin/nologin\n"
