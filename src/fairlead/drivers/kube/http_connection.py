"""One connection to an HTTP server, over asyncio's transports and parsed by httptools."""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
import httpx2

IDLE_SECONDS = 15.0  # far less than servers keep an idle connection (upstream's 90, ours 120); enough from beat to beat
HIGH_WATER = 256 << 10  # octets of a body that may wait for their reader
ServerOrigin = tuple[str, str, int]


class HttpConnection(asyncio.Protocol):
    """One connection, and the answer that is arriving on it. Callbacks ``on_*`` are the parser's."""

    def __init__(self, origin: ServerOrigin, heard: Callable[[], None]) -> None:
        self._tell = heard
        self.origin, self.is_open = origin, True
        self.heard_at = asyncio.get_running_loop().time()
        self._idle_timer: asyncio.TimerHandle | None = None
        self._parser: Any = None
        self._transport: asyncio.Transport
        self._headers: list[tuple[bytes, bytes]] = []
        self._has_head = self._is_complete = self._may_follow = self._is_paused = False
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._error: httpx2.TransportError | None = None
        self._news = asyncio.Event()

    @property
    def is_reusable(self) -> bool:
        """Whether the answer has come to its end, and another one may follow."""
        return self.is_open and self._is_complete and self._may_follow

    @property
    def socket(self) -> Any:
        return self._transport.get_extra_info("socket")

    async def ask(self, message: bytes, patience: float | None) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Send a request; status and headers of the answer."""
        self.heard_at = asyncio.get_running_loop().time()  # nothing was due before
        self._parser = httptools.HttpResponseParser(self)
        self._headers = []
        self._has_head = self._is_complete = False
        self._transport.write(message)
        while not self._has_head:
            await self._more(patience)
        return self._parser.get_status_code(), self._headers

    async def read(self, patience: float | None) -> bytes:
        """The next part of the body; empty at its end."""
        while not self._pieces:
            if self._is_complete:
                return b""
            await self._more(patience)
        body = b"".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        if self._is_paused and self.is_open:
            self._is_paused = False
            self._transport.resume_reading()
        return body

    def rest(self) -> None:
        """Become idle; the connection is closed after IDLE_SECONDS."""
        self._idle_timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self.close)

    def wake(self) -> bool:
        """Leave the idle state; returns False if the connection is closed."""
        if self._idle_timer:
            self._idle_timer.cancel()
        return self.is_open

    def fail(self, error: httpx2.TransportError) -> None:
        """Close the connection; all waiting readers get the error."""
        self._fail(error)
        self.close()
        self._news.set()

    def close(self) -> None:
        self.wake()
        self.is_open = False
        self._transport.abort()

    async def _more(self, patience: float | None) -> None:
        if self._error:
            raise self._error
        self._news.clear()
        try:
            async with asyncio.timeout(patience):
                await self._news.wait()
        except TimeoutError as error:
            raise httpx2.ReadTimeout(f"nothing was heard for {patience} s") from error

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        self._tell()
        if self._parser is None or self._is_complete:
            self.close()  # nobody has asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(httpx2.RemoteProtocolError(str(error)))
            self.close()
        self._news.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._has_head and not self._is_complete and not self._is_framed:
            self._is_complete = True  # such a body ends with its connection (RFC 9112, section 6.3)
        if not self._is_complete:
            self._fail(httpx2.ReadError(str(error) if error else "the server has closed the connection"))
        self._news.set()

    def _fail(self, error: httpx2.TransportError) -> None:
        self._error = self._error or error

    @property
    def _is_framed(self) -> bool:
        return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._headers)

    def on_message_begin(self) -> None:
        if self._is_complete:  # an answer that nobody has asked for
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._has_head = self._parser.get_status_code() >= 200  # else only a first word (RFC 9110, section 15.2)

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting > HIGH_WATER and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._has_head:
            self._is_complete, self._may_follow = True, self._parser.should_keep_alive()
        else:
            self._headers = []
