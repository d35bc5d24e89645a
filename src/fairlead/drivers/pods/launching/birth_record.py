"""A file that says which process a child is that outlives its launcher; see ``launcher_process``.

The launcher writes who it is before it tells the child to go on, and the child adds that nothing can stop it any more:
a child without such a file dies with the launcher, and one whose file lacks the second word has done nothing yet.
"""

import os
from pathlib import Path
from typing import NamedTuple

from fairlead.drivers.linux.calls import set_parent_death_signal
from fairlead.drivers.linux.process_identity import ProcessIdentity, identity_of

_BORN = "born"


class BirthRecord(NamedTuple):
    """The content of the file.

    Attributes:
        is_born: the child has begun to be what it was forked for.
    """

    process: ProcessIdentity
    is_born: bool


def read_birth(path: Path) -> BirthRecord | None:
    """The record at this path; None when there is none, or an empty one."""
    try:
        words = path.read_text().split()
        return BirthRecord(ProcessIdentity.parse(words[0]), _BORN in words[1:])
    except (FileNotFoundError, ValueError, IndexError):
        return None


def open_record(path: str) -> int:
    """A descriptor of a new record; an older one at its path is replaced."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)


class BirthRegistrar:
    """Both sides of one record, made before the fork.

    Args:
        file: its descriptor; closed by ``close``.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._confirmed, self._confirm = os.pipe()

    @property
    def of_child(self) -> tuple[int, ...]:
        """The descriptors that the child must keep."""
        return self._file, self._confirmed

    def confirm(self, pid: int) -> None:
        """In the launcher: write the child's record, and let the child continue.

        Raises:
            OSError: that was not possible; the child ends.
        """
        os.write(self._file, f"{identity_of(pid)}\n".encode())
        os.write(self._confirm, b"1")

    def outlive(self) -> None:
        """In the child, as its last act before it is what it is to be: no longer die with the launcher."""
        if not os.read(self._confirmed, 1):
            os._exit(128)  # the launcher has gone
        set_parent_death_signal(0)
        os.write(self._file, f"{_BORN}\n".encode())

    def close(self) -> None:
        """In the launcher, when the child has been told or there is none."""
        for fd in (self._file, self._confirmed, self._confirm):
            os.close(fd)
