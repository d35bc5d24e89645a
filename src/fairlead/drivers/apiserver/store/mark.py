"""The high-water mark: how far the store reached when a change was last acknowledged.

A file of two slots, written in turn, so that a write that a power cut tears leaves the slot before it. It is written
after the commit and before the acknowledgement, so it never promises more than the store has. The kernel keeps it when
the process is killed; the disk has it a second later at the latest, and until then promises a little less.
"""

import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from fairlead.drivers.apiserver.store.checksums import Summary, checksum_of
from fairlead.drivers.apiserver.store.errors import StoreDamaged

MARK = "store.mark"
SYNC_SECONDS = 1.0
_SLOT = 512  # bytes; a disk writes a sector whole
_RECORD = struct.Struct(">8sQQQqBq")
_MAGIC = b"flmark01"
_SLOTS = 2


class StoreMark(NamedTuple):
    """The mark of a store: the summary of its last acknowledged commit.

    Attributes:
        is_suspect: a write that was refused may be in the store, since the disk would not have it undone.
    """

    summary: Summary = Summary()
    is_suspect: bool = False


class MarkFile:
    """The mark of one store, opened for writing; made when it is missing."""

    def __init__(self, directory: Path, mark: StoreMark) -> None:
        """Write the mark into both slots.

        Raises:
            OSError: it cannot be written.
        """
        self._file = os.open(directory / MARK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._turn = 0  # of the next slot to be written
        self._synced = 0.0
        self._mark = mark
        for _ in range(_SLOTS):
            self._put(mark)
        os.fsync(self._file)

    @property
    def summary(self) -> Summary:
        """The summary of the last acknowledged commit."""
        return self._mark.summary

    def write(self, mark: StoreMark) -> None:
        """Remember what is acknowledged from now on.

        Raises:
            OSError: the disk fails.
        """
        self._put(mark)
        if mark.is_suspect or time.monotonic() - self._synced >= SYNC_SECONDS:
            os.fdatasync(self._file)
            self._synced = time.monotonic()

    def close(self) -> None:
        with suppress(OSError):
            self._put(self._mark)
            os.fdatasync(self._file)
        os.close(self._file)

    def _put(self, mark: StoreMark) -> None:
        os.pwrite(self._file, _encoded(self._turn, mark).ljust(_SLOT, b"\0"), self._turn % _SLOTS * _SLOT)
        self._turn, self._mark = self._turn + 1, mark


def read_mark(directory: Path) -> StoreMark | None:
    """The mark of a store; None when there is none.

    Raises:
        StoreDamaged: neither slot can be read.
        OSError: the disk fails.
    """
    try:
        content = (directory / MARK).read_bytes()
    except FileNotFoundError:
        return None
    slots = (_decoded(content[start : start + _RECORD.size]) for start in range(0, _SLOTS * _SLOT, _SLOT))
    found = [slot for slot in slots if slot]
    if not found:
        raise StoreDamaged(directory / MARK, "it does not say how far the store reached")
    return max(found)[1]


def _encoded(turn: int, mark: StoreMark) -> bytes:
    fields = (_MAGIC, turn, *mark.summary, int(mark.is_suspect))
    return _RECORD.pack(*fields, checksum_of(*fields))


def _decoded(record: bytes) -> tuple[int, StoreMark] | None:
    """The turn at which a slot was written, and what it says; None for one that is damaged."""
    if len(record) < _RECORD.size:
        return None
    *fields, checksum = _RECORD.unpack(record)
    if fields[0] != _MAGIC or checksum != checksum_of(*fields):
        return None
    return fields[1], StoreMark(Summary(*fields[2:5]), bool(fields[5]))
