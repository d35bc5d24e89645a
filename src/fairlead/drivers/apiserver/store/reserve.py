"""Space that is set aside for the day on which the disk is full.

A file that holds nothing is deleted then, and what it held is left to writes that make room: deletions, and changes
that hardly let anything grow.
"""

import os
from contextlib import suppress
from pathlib import Path

RESERVE = "store.reserve"
SIZE = 4 << 20  # bytes: what SQLite's log grows to before it is emptied
HEADROOM = 8 << 20  # bytes that are free beside the reserve before it is made again


class Reserve:
    """The reserve of one store."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory / RESERVE
        self.restore()

    def release(self) -> None:
        """Give the space back."""
        with suppress(OSError):
            self._file.unlink()

    def restore(self) -> bool:
        """Set the space aside again; False as long as there is not enough."""
        try:
            found = os.statvfs(self._directory)
            if self._file.exists() and self._file.stat().st_size == SIZE:
                return True
            if found.f_bavail * found.f_frsize < SIZE + HEADROOM:
                return False
            return self._allocate()
        except OSError:
            return False

    def _allocate(self) -> bool:
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SIZE)
        except OSError:
            self.release()
            raise
        finally:
            os.close(descriptor)
        return True
