"""As whom a process runs: user, group and supplementary groups, as credentials(7) has them.

Whatever enters a Pod needs this, and waits for it to be imported; so it knows nothing of manifests.
"""

from typing import NamedTuple

ROOT = 0


class ProcessCredentials(NamedTuple):
    """Numbers of a process's user, its group, and its supplementary groups (credentials(7))."""

    uid: int = ROOT
    gid: int = ROOT
    groups: tuple[int, ...] = ()


AS_ROOT = ProcessCredentials()


def passwd_with(text: str, credentials: ProcessCredentials) -> str | None:
    """A passwd(5) file in which the user has a name, as container runtimes give it (CRI-O does): programs such as
    PostgreSQL do not run as a user without one. None when the user has one already."""
    if any(line.split(":")[2:3] == [str(credentials.uid)] for line in text.splitlines()):
        return None
    uid, gid, _ = credentials
    return f"{text.rstrip()}\n{uid}:x:{uid}:{gid}:{uid} user:/:/sbin/nologin\n"
