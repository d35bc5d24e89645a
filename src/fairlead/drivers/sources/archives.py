"""Files of a folder, of an archive, or compressed alone, in order of name.

Archives are read in place and never unpacked, so no member's name can lead anywhere; a bound on what is read keeps a
small archive from filling the memory.
"""

import bz2
import gzip
import io
import lzma
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

MOST_BYTES = 2 << 30  # of all that is read
MOST_OF_A_FILE = 1 << 30
_PIECE = 1 << 20
# How compressed files begin, and what opens them (RFC 1952; the formats of bzip2 and xz).
_COMPRESSED: Mapping[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_SUFFIXES = (".gz", ".bz2", ".xz")
# How texts begin that are not UTF-8: PowerShell writes what a program prints so.
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
BROKEN = (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError, lzma.LZMAError, RuntimeError, NotImplementedError)


class ClusterFileError(ValueError):
    """A file that cannot be read; the message names it."""


class ArchivedFile(NamedTuple):
    """A file's octets, and where it was found."""

    where: str
    data: bytes

    @property
    def text(self) -> str:
        encoding = next((name for mark, name in _MARKS if self.data.startswith(mark)), "utf-8")
        return self.data.decode(encoding, errors="replace")


def files_of(path: str) -> Iterator[ArchivedFile]:
    """A file, or every file below a folder or in an archive; ``-`` is standard input.

    Raises:
        SourceError: there is no such file, or it cannot be read, or there is too much in it.
    """
    budget = _Budget()
    try:
        if path == "-":
            yield from _plain(ArchivedFile("-", sys.stdin.buffer.read()), budget)
        elif Path(path).is_dir():
            yield from _folder(Path(path), budget)
        else:
            yield from _alone(Path(path), budget)
    except BROKEN as error:
        raise ClusterFileError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _folder(root: Path, budget: "_Budget") -> Iterator[ArchivedFile]:
    found = (p for p in root.rglob("*") if p.is_file() and not _is_hidden(p.relative_to(root)))
    for file in sorted(found):
        yield from _plain(ArchivedFile(str(file), budget.spend(str(file), file.read_bytes())), budget)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _alone(root: Path, budget: "_Budget") -> Iterator[ArchivedFile]:
    if tarfile.is_tarfile(root):
        with tarfile.open(root) as archive:
            yield from _tar(str(root), archive, budget)
    elif zipfile.is_zipfile(root):
        with zipfile.ZipFile(root) as zipped:
            yield from _zip(str(root), zipped, budget)
    else:
        yield from _plain(ArchivedFile(str(root), budget.spend(str(root), root.read_bytes())), budget)


def _plain(file: ArchivedFile, budget: "_Budget") -> Iterator[ArchivedFile]:
    """The file, or what it holds if it is compressed: a text under the name without the suffix, or an archive."""
    opened = next((way for sign, way in _COMPRESSED.items() if file.data.startswith(sign)), None)
    if opened is None:
        yield file
        return
    with opened(io.BytesIO(file.data)) as inside:
        data = budget.read(file.where, inside)
    if tarfile.is_tarfile(io.BytesIO(data)):
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            yield from _tar(file.where, archive, budget)
        return
    suffix = next((each for each in _SUFFIXES if file.where.endswith(each)), "")
    yield ArchivedFile(file.where.removesuffix(suffix), data)


def _tar(root: str, archive: tarfile.TarFile, budget: "_Budget") -> Iterator[ArchivedFile]:
    for member in archive:
        where = f"{root}/{member.name}"
        file = archive.extractfile(member) if member.isreg() else None
        if file is not None:
            budget.allow(where, member.size)
            yield from _plain(ArchivedFile(where, budget.spend(where, file.read())), budget)


def _zip(root: str, archive: zipfile.ZipFile, budget: "_Budget") -> Iterator[ArchivedFile]:
    for member in archive.infolist():
        where = f"{root}/{member.filename}"
        if not member.is_dir():
            with archive.open(member) as file:
                yield from _plain(ArchivedFile(where, budget.read(where, file)), budget)


class _Budget:
    """How much may still be read."""

    def __init__(self) -> None:
        self._left = MOST_BYTES

    def allow(self, where: str, size: int) -> None:
        if size > min(self._left, MOST_OF_A_FILE):
            raise ClusterFileError(f"{where}: more than {MOST_OF_A_FILE >> 20} MiB, or too much with what came before")

    def spend(self, where: str, data: bytes) -> bytes:
        self.allow(where, len(data))
        self._left -= len(data)
        return data

    def read(self, where: str, file: IO[Any]) -> bytes:
        """All of a file that does not say how long it is, or may say it wrong."""
        pieces, size = [], 0
        while piece := file.read(_PIECE):
            size += len(piece)
            self.allow(where, size)
            pieces.append(piece)
        return self.spend(where, b"".join(pieces))
