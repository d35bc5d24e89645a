"""Entries of a layer's archive, read by the standard library's ``tarfile`` within limits.

The library follows links and keeps headers of any size in memory. Here it only reads a stream forward, extracts
nothing, and gets no header that is larger than allowed.
"""

import stat
import tarfile
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, cast

from fairlead.drivers.images.layer_stream import LayerStream
from fairlead.images.layer_plan import USUAL_LIMITS, EntryKind, LayerEntry, LayerError, LayerLimits, attributes_of

MOST_GLOBAL_HEADERS = 1000
_BUFFER = 64 * 1024  # octets; the library copies what is left of it at each entry
_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_KINDS = {
    tarfile.DIRTYPE: EntryKind.FOLDER,
    tarfile.SYMTYPE: EntryKind.LINK,
    tarfile.LNKTYPE: EntryKind.HARD_LINK,
    tarfile.FIFOTYPE: EntryKind.FIFO,
    tarfile.CHRTYPE: EntryKind.DEVICE,
    tarfile.BLKTYPE: EntryKind.DEVICE,
    tarfile.REGTYPE: EntryKind.FILE,
    tarfile.AREGTYPE: EntryKind.FILE,
    tarfile.CONTTYPE: EntryKind.FILE,
    tarfile.GNUTYPE_SPARSE: EntryKind.FILE,
}


class FileAttributes(NamedTuple):
    """The attributes of a file.

    Attributes:
        mode: permission bits, including set-user-ID and similar bits.
        mtime: nanoseconds since the epoch.
    """

    mode: int
    uid: int
    gid: int
    mtime: int
    xattrs: dict[str, bytes]


class ArchiveEntry(NamedTuple):
    """An entry, and how to read its content before the next one is asked for.

    Attributes:
        extents: the positions of its data, as pairs of offset and size; the rest are holes. None: no holes.
    """

    entry: LayerEntry
    attributes: FileAttributes
    content: BinaryIO | None
    extents: list[tuple[int, int]] | None


def entries(stream: LayerStream, limits: LayerLimits) -> Iterator[ArchiveEntry]:
    """Every entry of the archive, in order.

    Raises:
        LayerError: the archive is damaged, or not to be trusted. OSError: it cannot be read.
    """
    try:
        with tarfile.open(
            fileobj=cast(BinaryIO, stream), mode="r|", bufsize=_BUFFER, tarinfo=bounded_header(limits)
        ) as archive:
            while (header := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # which the library would keep all
                if len(archive.pax_headers) > MOST_GLOBAL_HEADERS:
                    raise LayerError(f"more than {MOST_GLOBAL_HEADERS} global headers")
                yield _entry(archive, header)
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        raise LayerError(f"the archive is damaged: {error}") from error


def bounded_header(limits: LayerLimits = USUAL_LIMITS) -> type[tarfile.TarInfo]:
    """What reads headers that are not larger than they may be; the library reads those whole."""

    class BoundedHeader(tarfile.TarInfo):
        """See above; it raises LayerError."""

        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "BoundedHeader":
            try:
                header = super().frombuf(buf, encoding, errors)
            except tarfile.HeaderError as error:
                if not buf.strip(b"\0"):
                    raise  # the end
                # In the middle of an archive the library takes what is damaged for its end.
                raise LayerError(f"the archive is damaged: {error}") from error
            if header.size < 0:
                raise LayerError(f"{header.name!r}: has a negative size")
            if header.type in _HEADERS and header.size > limits.header:
                raise LayerError(f"{header.name!r}: a header of more than {limits.header} octets")
            return header

    return BoundedHeader


def _entry(archive: tarfile.TarFile, header: tarfile.TarInfo) -> ArchiveEntry:
    kind = _KINDS.get(header.type, EntryKind.OTHER)
    name = header.name
    if kind is EntryKind.FILE and name.endswith("/"):  # how archives before POSIX write a folder
        kind = EntryKind.FOLDER
    size = header.size if kind is EntryKind.FILE else 0
    entry = LayerEntry(
        name or ".", kind, header.linkname if kind in (EntryKind.LINK, EntryKind.HARD_LINK) else "", size
    )
    mtime = max(0, int(header.mtime * 1_000_000_000))
    xattrs = attributes_of(name, header.pax_headers)
    attributes = FileAttributes(stat.S_IMODE(header.mode), header.uid, header.gid, mtime, xattrs)
    content = archive.extractfile(header) if kind is EntryKind.FILE else None
    extents = cast("list[tuple[int, int]] | None", header.sparse)
    return ArchiveEntry(entry, attributes, cast("BinaryIO | None", content), extents)
