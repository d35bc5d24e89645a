"""The files of a folder or an archive by name, read in any order."""

import os
import posixpath
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from fairlead.drivers.images.layer_archive import bounded_header
from fairlead.drivers.images.layer_stream import BROKEN, DECOMPRESSORS
from fairlead.drivers.linux.calls import open_beneath
from fairlead.images.layer_plan import LayerError, split_path

MOST_MEMBERS, MOST_LINKS = 100_000, 8
LARGEST = 256 * 1024**3  # octets
COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}  # by their first octets


class ArchiveError(Exception):
    """An archive contains no images, or damaged ones; the message says what is wrong."""


class ArchiveFiles(Protocol):
    """The files of an archive or folder, by name."""

    def open(self, name: str) -> BinaryIO | None:
        """The content of a file; None when there is none of that name."""


class FolderFiles:
    """The files of a folder; nothing outside it is ever read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, name: str) -> BinaryIO | None:
        """The content of a file; None when there is none of that name.

        Raises:
            ArchiveError: the name leads out of the folder.
        """
        folder = os.open(self._folder, os.O_PATH | os.O_DIRECTORY)
        try:
            return open(open_beneath(folder, "/".join(split_path(name, "")), os.O_RDONLY | os.O_NONBLOCK), "rb")
        except FileNotFoundError:
            return None
        except (LayerError, OSError) as error:
            raise ArchiveError(f"{name!r}: {error}") from error
        finally:
            os.close(folder)


class TarFiles:
    """The files of a tar archive."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive, self._members = archive, {}
        for number, member in enumerate(archive):
            if number == MOST_MEMBERS:
                raise ArchiveError(f"more than {MOST_MEMBERS} files")
            self._members[_normal(member.name)] = member

    def open(self, name: str) -> BinaryIO | None:
        """The content of a file, through links within the archive; None when there is none of that name."""
        for _ in range(MOST_LINKS):
            member = self._members.get(_normal(name))
            if member is None:
                return None
            if member.isreg():
                return cast(BinaryIO, self._archive.extractfile(member))
            if not (member.issym() or member.islnk()):
                return None
            name = f"{member.name.rpartition('/')[0]}/{member.linkname}" if member.issym() else member.linkname
        raise ArchiveError(f"{name!r}: links to links")


def _normal(name: str) -> str:
    return posixpath.normpath(name).lstrip("/")


@contextmanager
def open_files(path: Path | None, stdin: BinaryIO, scratch: Path) -> Iterator[ArchiveFiles]:
    """The files of a folder or an archive, compressed or not; without a path, of an archive from standard input.

    Args:
        scratch: folder for what must be unpacked or kept to be read in any order.

    Raises:
        ArchiveError: it is no archive. OSError: it cannot be read.
    """
    if path and path.is_dir():
        yield FolderFiles(path)
        return
    with ExitStack() as closing:
        raw = closing.enter_context(open(path, "rb")) if path else stdin
        try:
            seekable = _seekable(raw, closing, scratch)
            yield TarFiles(closing.enter_context(tarfile.open(fileobj=seekable, mode="r:", tarinfo=bounded_header())))
        except (tarfile.TarError, *BROKEN) as error:
            raise ArchiveError(f"it is not an archive, or it is damaged: {error}") from error


def _seekable(raw: BinaryIO, closing: ExitStack, scratch: Path) -> BinaryIO:
    """The archive, as a file that can be read in any order and is not compressed."""
    if not raw.seekable():
        raw = _copy_to_disk(DECOMPRESSORS[""](raw), closing, scratch)
    magic = raw.read(4)
    raw.seek(0)
    compression = next((word for octets, word in COMPRESSIONS.items() if magic.startswith(octets)), "")
    return _copy_to_disk(DECOMPRESSORS[compression](raw), closing, scratch) if compression else raw


def _copy_to_disk(pieces: Iterator[bytes], closing: ExitStack, scratch: Path) -> BinaryIO:
    copy = closing.enter_context(tempfile.TemporaryFile(dir=scratch))  # noqa: SIM115 - until all is read
    for piece in pieces:
        copy.write(piece)
        if copy.tell() > LARGEST:
            raise ArchiveError(f"it is larger than {LARGEST} octets after decompression")
    copy.seek(0)
    return cast(BinaryIO, copy)
