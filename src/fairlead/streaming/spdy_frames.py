"""The frames of SPDY/3.1, as bytes and as values.

Decides how frames are written and read, and refuses what could exhaust memory: control frames above MAX_CONTROL, and
header blocks that unpack to more than MAX_HEADERS. A DATA frame may be as long as the protocol allows (16 MiB), but it
is never gathered: each piece is handed on as it arrives.

WINDOW_UPDATE, SETTINGS and unknown control frames are read over, and so is GOAWAY: a peer that opens no more streams
asks for nothing. The SPDY of Kubernetes clients
(github.com/moby/spdystream) has no flow control of its own: it neither sends nor honours window updates, so that one
who waited for them would wait forever. Back-pressure is that of TCP.
Source: SPDY Protocol Draft 3.1, sections 2.2 (framing), 2.6 (control frames) and 2.6.10 (header blocks).
"""

import struct
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from fairlead.streaming.errors import PeerError

MAX_CONTROL = 64 * 1024  # bytes of a control frame's payload; that of kubectl's largest is some 200
MAX_HEADERS = 64 * 1024  # bytes of a header block once unpacked

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY, HEADERS = 1, 2, 3, 6, 7, 8
FLAG_FIN = 0x01
PROTOCOL_ERROR, REFUSED_STREAM, CANCEL = 1, 3, 5  # status codes of RST_STREAM

_VERSION = 3
_CONTROL_BIT = 0x80000000
_ID_MASK = 0x7FFFFFFF
_LENGTH_MASK = 0xFFFFFF
_MAX_DATA = _LENGTH_MASK

_NAMES = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status"
)
_LAST_NAMES = ("200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin")
_TAIL = (
    b"100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    b"203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    b"403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    b"Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    b"chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    b"text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


# What the compression of header blocks starts from; section 2.6.10.1.
DICTIONARY = b"".join(_text(name.encode()) for name in (*_NAMES.split(), *_LAST_NAMES)) + _TAIL


class SynStream(NamedTuple):
    """The peer opens a stream."""

    stream: int
    headers: Mapping[str, str]
    fin: bool


class Data(NamedTuple):
    """A piece of a DATA frame; ``fin`` only with the last piece."""

    stream: int
    data: bytes
    fin: bool


class ResetFrame(NamedTuple):
    stream: int


class Ping(NamedTuple):
    id: int


class IgnoredFrame(NamedTuple):
    """A frame that has nothing for a server to do."""

    kind: int


Frame = SynStream | Data | ResetFrame | Ping | IgnoredFrame


class FrameReader:
    """Turns received bytes into frames, however the bytes are cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._data: tuple[int, int, bool] | None = None  # stream, bytes still to come, fin

    def receive(self, data: bytes) -> list[Frame]:
        """The frames that are whole now, and pieces of data.

        Raises:
            PeerError: the bytes are not SPDY/3.1 or break a limit.
        """
        self._buffer += data
        frames: list[Frame] = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        if self._data:
            return self._piece(*self._data)
        if len(self._buffer) < 8:
            return None
        first, second = struct.unpack_from(">II", self._buffer)
        flags, length = second >> 24, second & _LENGTH_MASK
        if first & _CONTROL_BIT:
            return self._control(first, flags, length)
        if first == 0:
            raise PeerError("data on stream 0")
        del self._buffer[:8]
        return self._piece(first, length, bool(flags & FLAG_FIN))

    def _piece(self, stream: int, length: int, fin: bool) -> Data | None:
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        left = length - len(data)
        self._data = (stream, left, fin) if left else None
        return Data(stream, data, fin and not left) if data or not left else None

    def _control(self, first: int, flags: int, length: int) -> Frame | None:
        version, kind = first >> 16 & 0x7FFF, first & 0xFFFF
        if version != _VERSION:
            raise PeerError(f"SPDY version {version}, not {_VERSION}")
        if length > MAX_CONTROL:
            raise PeerError(f"control frame of {length} bytes; at most {MAX_CONTROL} are allowed")
        if len(self._buffer) < 8 + length:
            return None
        payload = bytes(self._buffer[8 : 8 + length])
        del self._buffer[: 8 + length]
        try:
            return self._parse(kind, flags, payload)
        except (struct.error, zlib.error, UnicodeDecodeError) as error:
            raise PeerError(f"control frame of type {kind}: {error}") from error

    def _parse(self, kind: int, flags: int, payload: bytes) -> Frame:
        if kind == SYN_STREAM:
            stream = struct.unpack_from(">IIBB", payload)[0] & _ID_MASK
            return SynStream(stream, self._headers(payload[10:]), bool(flags & FLAG_FIN))
        if kind == RST_STREAM:
            return ResetFrame(struct.unpack_from(">II", payload)[0] & _ID_MASK)
        if kind == PING:
            return Ping(struct.unpack_from(">I", payload)[0])
        if kind in _WITH_HEADERS:  # to be unpacked although nobody reads them: later blocks refer to earlier ones
            self._headers(payload[4:])
        return IgnoredFrame(kind)

    def _headers(self, packed: bytes) -> dict[str, str]:
        block = self._inflate.decompress(packed, MAX_HEADERS)
        if self._inflate.unconsumed_tail or self._inflate.eof:
            raise PeerError(f"header block of more than {MAX_HEADERS} bytes, or one that ends the compression")
        return parse_headers(block)


_WITH_HEADERS = (SYN_REPLY, HEADERS)


def parse_headers(block: bytes) -> dict[str, str]:
    """The names and values of an unpacked header block; several values of a name stay joined by NUL.

    Raises:
        PeerError: lengths or number do not fit the block, or a name comes twice or is not in lower case.
        UnicodeDecodeError: not UTF-8.
    """
    (count,) = struct.unpack_from(">I", block)
    if count > len(block) // 8:
        raise PeerError(f"header block of {len(block)} bytes claims {count} headers")
    headers: dict[str, str] = {}
    at = 4
    for _ in range(count):
        name, at = _take_text(block, at)
        value, at = _take_text(block, at)
        if not name or name != name.lower() or name in headers:
            raise PeerError(f"header name {name!r} is empty, not in lower case or repeated")
        headers[name] = value
    if at != len(block):
        raise PeerError("header block has bytes after its last header")
    return headers


def _take_text(block: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">I", block, at)
    end = at + 4 + length
    if end > len(block):
        raise PeerError("a header reaches beyond its block")
    return block[at + 4 : end].decode(), end


class FrameWriter:
    """Turns frames into bytes. One for each connection: header blocks share their compression."""

    def __init__(self) -> None:
        # A small window: our own header blocks are nearly empty, and the default would take 256 KiB a connection.
        self._deflate = zlib.compressobj(wbits=11, memLevel=1, zdict=DICTIONARY)

    def syn_stream(self, stream: int, headers: Mapping[str, str]) -> bytes:
        return self._control(SYN_STREAM, struct.pack(">IIBB", stream, 0, 0, 0) + self._headers(headers))

    def syn_reply(self, stream: int) -> bytes:
        return self._control(SYN_REPLY, struct.pack(">I", stream) + self._headers({}))

    def reset(self, stream: int, status: int) -> bytes:
        return self._control(RST_STREAM, struct.pack(">II", stream, status))

    def ping(self, id_: int) -> bytes:
        return self._control(PING, struct.pack(">I", id_))

    def go_away(self, last_stream: int) -> bytes:
        return self._control(GOAWAY, struct.pack(">II", last_stream, 0))

    def data(self, stream: int, data: bytes, fin: bool = False) -> bytes:
        """A DATA frame of at most 16 MiB - 1."""
        assert len(data) <= _MAX_DATA
        flags = FLAG_FIN if fin else 0
        return struct.pack(">II", stream, flags << 24 | len(data)) + data

    def _control(self, kind: int, payload: bytes) -> bytes:
        return struct.pack(">HHI", 0x8000 | _VERSION, kind, len(payload)) + payload

    def _headers(self, headers: Mapping[str, str]) -> bytes:
        block = struct.pack(">I", len(headers))
        block += b"".join(_text(name.encode()) + _text(value.encode()) for name, value in headers.items())
        return self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
