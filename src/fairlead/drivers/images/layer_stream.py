"""The archive of a layer as a stream: decompressed, limited, and hashed in a separate thread, ahead of its reader.

Decompressors and hashes release the interpreter lock, so two processors can unpack a layer. At most QUEUED pieces wait
for the reader, so memory use does not depend on the layer.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO

import zstandard
from isal import isal_zlib

from fairlead.images.digest import DigestMismatch, finished, new_hash
from fairlead.images.layer_plan import LayerError, LayerLimits

PIECE = 1024 * 1024  # octets
QUEUED = 8
_ISAL_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]
BROKEN = (_ISAL_ERROR, zstandard.ZstdError, EOFError)  # what compressed data that are damaged raise
_GZIP = 31  # zlib's number for its largest window and a gzip header
_LARGEST_WINDOW = 128 * 1024 * 1024  # octets of memory that a zstd archive may ask for; what zstd allows by default


class LayerStream:
    """The octets of a layer's archive; read by one thread.

    Args:
        blob: the layer as it is stored.
        diff_id: the digest that the archive must have.
    """

    def __init__(self, blob: BinaryIO, compression: str, diff_id: str, limits: LayerLimits) -> None:
        self._blob, self._limits, self._diff_id = blob, limits, diff_id
        self._hash, self._size = new_hash(diff_id), 0
        self._pieces: queue.Queue[bytes | Exception] = queue.Queue(QUEUED)
        self._rest, self._closed = memoryview(b""), threading.Event()
        self._has_ended = False
        self._decompress = DECOMPRESSORS[compression]
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def read(self, size: int) -> bytes:
        """Up to ``size`` octets; fewer only at the end.

        Raises:
            LayerError, OSError: the blob is damaged, too large, or cannot be read.
        """
        found: list[bytes | memoryview] = []
        while size > 0 and self._fill():
            piece = self._rest[:size]
            self._rest = self._rest[len(piece) :]
            found.append(piece)
            size -= len(piece)
        return bytes(found[0]) if len(found) == 1 else b"".join(found)

    def check(self) -> None:
        """Read what is left, which the archive's end does not cover.

        Raises:
            DigestMismatch: the whole is not what it must be. LayerError, OSError: as ``read``.
        """
        while self._fill():
            self._rest = memoryview(b"")
        if (found := finished(self._diff_id, self._hash)) != self._diff_id:
            raise DigestMismatch("the layer, decompressed", self._diff_id, found)

    def close(self) -> None:
        """Stop, wherever it is."""
        self._closed.set()
        while self._thread.is_alive():
            try:
                self._pieces.get(timeout=0.05)
            except queue.Empty:
                continue

    def _fill(self) -> bool:
        """Whether there is anything left."""
        while not self._rest and not self._has_ended:
            piece = self._pieces.get()
            if isinstance(piece, Exception):
                self._has_ended = True
                raise piece
            self._has_ended = not piece
            self._rest = memoryview(piece)
        return not self._has_ended

    def _work(self) -> None:
        try:
            for piece in self._decompress(self._blob):
                self._size += len(piece)
                self._require_size()
                self._hash.update(piece)
                self._put(piece)
                if self._closed.is_set():
                    return
            self._put(b"")
        except BROKEN as error:
            self._put(LayerError(f"the layer cannot be decompressed: {error}"))
        except Exception as error:
            self._put(error)

    def _put(self, piece: bytes | Exception) -> None:
        while not self._closed.is_set():
            try:
                self._pieces.put(piece, timeout=0.5)
            except queue.Full:
                continue
            return

    def _require_size(self) -> None:
        if self._size > self._limits.octets:
            raise LayerError(f"the layer is larger than {self._limits.octets} octets after decompression")
        if self._size > self._limits.unsuspicious and self._size > self._limits.ratio * max(1, self._blob.tell()):
            raise LayerError(f"the layer is more than {self._limits.ratio} times larger after decompression")


def _plain(blob: BinaryIO) -> Iterator[bytes]:
    while piece := blob.read(PIECE):
        yield piece


def _gunzip(blob: BinaryIO) -> Iterator[bytes]:
    """All members of the file, one after the other; zeros behind them are padding."""
    data = blob.read(PIECE)
    if not data:
        raise EOFError("it is empty")
    while data:
        member = isal_zlib.decompressobj(_GZIP)
        while not member.eof:
            piece = member.decompress(data, PIECE)
            data = member.unconsumed_tail
            if piece:
                yield piece
            elif not data and not member.eof and not (data := blob.read(PIECE)):
                raise EOFError("it ends too early")
        data = member.unused_data.lstrip(b"\0")
        while not data and (more := blob.read(PIECE)):
            data = more.lstrip(b"\0")


def _unzstd(blob: BinaryIO) -> Iterator[bytes]:
    """All frames of the file, one after the other."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
    with decompressor.stream_reader(blob, read_size=PIECE, read_across_frames=True, closefd=False) as reader:
        while piece := reader.read(PIECE):
            yield piece


# What compressed content is, in pieces; by what it is compressed with.
DECOMPRESSORS: dict[str, Callable[[BinaryIO], Iterator[bytes]]] = {"": _plain, "gzip": _gunzip, "zstd": _unzstd}
