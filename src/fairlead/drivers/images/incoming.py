"""Writes a blob of the store: resumes where an earlier writer ended, checks it, and makes it visible when complete."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from fairlead.images.digest import DigestMismatch, finished, new_hash

PIECE = 1024 * 1024  # octets


def digest_of_file(file: BinaryIO) -> tuple[str, int]:
    """The usual digest of a whole file, and its octets; it is at its beginning then."""
    hashed, size = new_hash("sha256:"), 0
    file.seek(0)
    while piece := file.read(PIECE):
        hashed.update(piece)
        size += len(piece)
    file.seek(0)
    return finished("sha256:", hashed), size


@contextmanager
def incoming_blob(drafts: Path, path: Path, digest: str) -> "Iterator[IncomingBlob | None]":
    """A blob to be written; None when it is there by now, for another writer may have been waited for.

    Args:
        drafts: the folder of what is not whole yet.
        path: where the blob is to be.
    """
    draft = drafts / digest.replace(":", "-")
    while True:
        file = open(draft, "a+b")  # noqa: SIM115 - kept open by the with below
        fcntl.flock(file, fcntl.LOCK_EX)
        if _is_at(file, draft):
            break
        file.close()  # another writer has finished it, or a removal has taken it away
    with file:
        if path.exists():
            with suppress(FileNotFoundError):
                draft.unlink()
            yield None
        else:
            blob = IncomingBlob(file, draft, path, digest)
            try:
                yield blob
            finally:
                if not blob.size:  # nothing that another writer could go on from
                    draft.unlink(missing_ok=True)


class IncomingBlob:
    """A blob that one process at a time writes.

    Attributes:
        size: octets that are already written, perhaps by an earlier writer.
    """

    def __init__(self, file: BinaryIO, draft: Path, path: Path, digest: str) -> None:
        self._file, self._draft, self._path, self._digest = file, draft, path, digest
        self._hash = new_hash(digest)
        self.size = 0
        file.seek(0)
        while piece := file.read(PIECE):
            self._hash.update(piece)
            self.size += len(piece)

    def restart(self) -> None:
        """Discard the written content."""
        self._file.truncate(0)
        self._hash, self.size = new_hash(self._digest), 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def commit(self) -> None:
        """The whole content has been written.

        Raises:
            DigestMismatch: it is another; nothing is kept of it.
        """
        found = finished(self._digest, self._hash)
        if found != self._digest:
            self.restart()
            raise DigestMismatch("the content that came", self._digest, found)
        self._file.flush()
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        self._draft.rename(self._path)

    def copy(self, source: BinaryIO) -> None:
        """Take all of an open file, and commit.

        Raises:
            DigestMismatch: it is another.
        """
        self.restart()
        shutil.copyfileobj(source, _Writing(self), PIECE)
        self.commit()


class _Writing:
    """A blob as a writable file object."""

    def __init__(self, blob: IncomingBlob) -> None:
        self.write = blob.write


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is still what has that path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
