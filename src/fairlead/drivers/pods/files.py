"""Files that a Pod or a container has of its own, mounted over those of this machine.

Runs in a mount namespace of the Pod's with private propagation, so nothing here is ever seen outside. The texts live in
a tmpfs that only the bind mounts keep alive; no file is left on the machine.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from fairlead.drivers.linux.calls import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_REC, mount, unmount
from fairlead.nodeagent.credentials import ProcessCredentials, passwd_with

_USERS = "/etc/passwd"


def make_mounts_private() -> None:
    """Keep every later mount and unmount to this mount namespace."""
    mount("none", "/", flags=MS_REC | MS_PRIVATE)


def mount_proc() -> None:
    """Show the processes of the caller's PID namespace. Where parts of /proc are hidden from us, the kernel forbids a
    new one, and it stays as it is."""
    try:
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except PermissionError:
        return


def present_user(credentials: ProcessCredentials) -> None:
    """Give the user a name, in the sight of the caller's mount namespace, if this machine has none for it."""
    text = passwd_with(Path(_USERS).read_text(), credentials)
    if text is not None:
        present_texts({_USERS: text})


def present_texts(texts: Mapping[str, str]) -> None:
    """Put each text in the place of the file at its path.

    Raises:
        FileNotFoundError: this machine has no such file to put it over.
    """
    scratch = "/tmp"  # noqa: S108 - covered by a file system of its own first
    mount("tmpfs", scratch, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    try:
        for number, (path, text) in enumerate(texts.items()):
            source = Path(scratch, str(number))
            source.write_text(text)
            source.chmod(0o644)
            mount(str(source), os.path.realpath(path), flags=MS_BIND)
    finally:
        unmount(scratch)
