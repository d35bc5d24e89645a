"""Memory of a process whose call waits: what its arguments point to."""

import os

from fairlead.drivers.linux import seccomp

_LONGEST_PATH = 4096  # PATH_MAX
_PAGE = 4096


class GoneError(Exception):
    """The call does not wait any more."""


class ProcessMemory:
    """Memory of the process of a question; use it as a context.

    Args:
        access: flags of open(2).

    Raises:
        GoneError: the call does not wait any more.
        OSError: its memory cannot be seen, or not at that address.
    """

    def __init__(self, listener: int, question: seccomp.WaitingCall, access: int = os.O_RDWR) -> None:
        self._fd = os.open(f"/proc/{question.thread}/mem", access | os.O_CLOEXEC)
        if not seccomp.still_waits(listener, question):
            os.close(self._fd)
            raise GoneError

    def __enter__(self) -> "ProcessMemory":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def read(self, address: int, size: int) -> bytes:
        return os.pread(self._fd, size, address)

    def write(self, address: int, content: bytes) -> None:
        os.pwrite(self._fd, content, address)

    def path(self, address: int) -> bytes:
        """A string that ends in a zero; page by page, since the next one may not be there."""
        found = b""
        while b"\0" not in found and len(found) < _LONGEST_PATH:
            place = address + len(found)
            found += self.read(place, _PAGE - place % _PAGE)
        return found.partition(b"\0")[0]
