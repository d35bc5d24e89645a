"""The connections below the API client: HTTP/1.1 over asyncio's own connections, parsed by httptools.

httpx2 keeps what it is good at (URLs, credentials, encodings) and is given this in place of its own transport, which
spends a millisecond on each request in layers that an API client has no use for: a lab of 500 Pods makes 6000 requests
and keeps 100 watches open. Connections are kept and used again, the one used last first; one that the other side closes
is forgotten at once.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache

import httpx2

from fairlead.drivers.kube.access.proxy import Proxy
from fairlead.drivers.kube.http_connection import HttpConnection, ServerOrigin
from fairlead.drivers.kube.tunnel import connect_through
from fairlead.drivers.tls_buffers import keep_tls_buffers_small

MAX_CONNECTIONS = 100  # watches included
MAX_IDLE = 20

SocketOption = tuple[int, int, int]
_Timeouts = dict[str, float | None]


class Transport(httpx2.AsyncBaseTransport):
    """Connections to any number of servers.

    Args:
        tls: gives the context for a new https connection; connections of an earlier context are not used again.
        server_name: whom the server's certificate must be for, when that is not the URL's host.
        proxy: what connections are made through.
        options: for every socket, as ``setsockopt`` takes them.
    """

    def __init__(
        self,
        tls: Callable[[], ssl.SSLContext] = cache(httpx2.create_ssl_context),  # noqa: B008 - one for all
        server_name: str = "",
        proxy: Proxy | None = None,
        options: Sequence[SocketOption] = (),
    ) -> None:
        keep_tls_buffers_small()
        self._tls, self._server_name, self._proxy, self._options = tls, server_name, proxy, options
        self._context: ssl.SSLContext | None = None
        self._busy: set[HttpConnection] = set()
        self._heard_at = 0.0
        self._idle: dict[ServerOrigin, list[HttpConnection]] = {}
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the answer's body is read as the caller iterates over it.

        Raises:
            httpx2.TransportError: there was no answer, or it made no sense.
        """
        timeouts: _Timeouts = request.extensions.get("timeout", {})
        message = _head(request) + await request.aread()
        await self._take_place(timeouts.get("pool"))
        connection = None
        try:
            connection = await self._connection(request.url, timeouts.get("connect"))
            self._busy.add(connection)
            status, headers = await connection.ask(message, timeouts.get("read"))
        except BaseException:
            self._places.release()
            if connection:
                self._busy.discard(connection)
                connection.close()
            raise
        return httpx2.Response(status, headers=headers, stream=_Body(self, connection, timeouts.get("read")))

    async def _take_place(self, patience: float | None) -> None:
        try:
            async with asyncio.timeout(patience):
                await self._places.acquire()
        except TimeoutError as error:
            raise httpx2.PoolTimeout(f"{MAX_CONNECTIONS} connections have been busy for {patience} s") from error

    async def aclose(self) -> None:
        """Close the connections that nobody uses."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def silent_for(self) -> float:
        """Seconds since anything came on any connection."""
        return asyncio.get_running_loop().time() - self._heard_at

    def heard(self) -> None:
        """The server has sent something, on whichever connection."""
        self._heard_at = asyncio.get_running_loop().time()

    def hang_up(self, silence: float, why: str) -> None:
        """End the connections that wait for something and have brought nothing for so many seconds."""
        now = asyncio.get_running_loop().time()
        for connection in [each for each in self._busy if now - each.heard_at >= silence]:
            connection.fail(httpx2.ReadError(why))

    async def _connection(self, url: httpx2.URL, patience: float | None) -> HttpConnection:
        origin = (url.scheme, url.host, url.port or {"http": 80, "https": 443}[url.scheme])
        tls = self._fresh_context() if url.scheme == "https" else None
        idle = self._idle.get(origin, [])
        while idle:
            connection = idle.pop()
            if connection.wake():
                return connection
        _, host, port = origin
        try:
            async with asyncio.timeout(patience):
                made = await self._connect(origin, tls)
        except TimeoutError as error:
            raise httpx2.ConnectTimeout(f"no connection to {host}:{port} within {patience} s") from error
        except OSError as error:
            raise httpx2.ConnectError(str(error)) from error
        for option in self._options:
            made.socket.setsockopt(*option)
        return made

    async def _connect(self, origin: ServerOrigin, tls: ssl.SSLContext | None) -> HttpConnection:
        loop, (_, host, port) = asyncio.get_running_loop(), origin
        name = (self._server_name or host) if tls else None
        if self._proxy is None:
            _, made = await loop.create_connection(
                lambda: HttpConnection(origin, self.heard), host, port, ssl=tls, server_hostname=name
            )
            return made
        sock = await connect_through(self._proxy, host, port)
        _, made = await loop.create_connection(
            lambda: HttpConnection(origin, self.heard), sock=sock, ssl=tls, server_hostname=name
        )
        return made

    def _fresh_context(self) -> ssl.SSLContext:
        """The context of now. Where it is another one, connections that rest were made by credentials of the past."""
        context = self._tls()
        if context is not self._context:
            self._context = context
            for connections in self._idle.values():
                for connection in connections:
                    connection.close()
            self._idle.clear()
        return context

    def give_back(self, connection: HttpConnection) -> None:
        """Take back a connection whose answer has been read, or been given up."""
        self._places.release()
        self._busy.discard(connection)
        idle = self._idle.setdefault(connection.origin, [])
        idle[:] = [resting for resting in idle if resting.is_open]
        if connection.is_reusable and len(idle) < MAX_IDLE:
            connection.rest()
            idle.append(connection)
        else:
            connection.close()


class _Body(httpx2.AsyncByteStream):
    """An answer's body, and with its end the return of the connection."""

    def __init__(self, transport: Transport, connection: HttpConnection, patience: float | None) -> None:
        self._transport, self._patience = transport, patience
        self._connection: HttpConnection | None = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert self._connection is not None
        while piece := await self._connection.read(self._patience):
            yield piece

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            self._transport.give_back(connection)


def _head(request: httpx2.Request) -> bytes:
    first = b"%s %s HTTP/1.1\r\n" % (request.method.encode(), request.url.raw_path)
    return first + b"".join(b"%s: %s\r\n" % header for header in request.headers.raw) + b"\r\n"
