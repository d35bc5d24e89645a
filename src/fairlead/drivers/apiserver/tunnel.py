"""Passes a request on to the server that has to answer it, and its answer back; after an upgrade, bytes both ways.

The API server understands none of the streaming protocols: once the other side has agreed to one (status 101), the two
connections are joined until either is closed, and neither gets ahead of the other by more than a transport's buffer.
What proves the client's identity is not passed on. A request's body has been read before (and so is of bounded size),
an answer is passed on as it comes.
Source: RFC 9110 section 7.6.1 (hop-by-hop headers); apimachinery ``pkg/util/proxy`` (upgradeaware.go).
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httptools

from fairlead.drivers.apiserver.outgoing_tls import OutgoingTls, to_anybody
from fairlead.model.socket_address import SocketAddress
from fairlead.registry.backend import BackendServer
from fairlead.registry.status import ApiError

CHUNK = 64 * 1024
MAX_HEAD = 64 * 1024
CONNECT_SECONDS = 30.0
HEAD_SECONDS = 300.0  # until an answer begins; upstream's proxy waits indefinitely
MAX_ERROR = 64 * 1024  # bytes of a node's refusal

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    b"upgrade".split()
)
_NOT_PASSED_ON = _HOP_BY_HOP | {b"host", b"authorization", b"content-length", b"expect"}
_REASONS = {400: "BadRequest", 403: "Forbidden", 404: "NotFound", 500: "InternalError"}


class TunnelClient(NamedTuple):
    """The client and its request.

    Attributes:
        headers: names in lower case.
        receive: waits until the client has gone, since its body has been read.
        take_over: hands out the client's connection, of which HTTP then knows nothing more.
    """

    method: str
    headers: list[Header]
    body: bytes
    receive: Receive
    send: Send
    take_over: Callable[[], Streams] | None


@dataclass
class _Answer:
    """The head of an answer, and the body as far as it has come. Filled in by httptools' callbacks."""

    headers: list[Header] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    has_head: bool = False
    is_complete: bool = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.is_complete = True

    def take_body(self) -> bytes:
        body, self.body = b"".join(self.body), []
        return body


class UpstreamTunnel:
    """Reaches nodes with the API server's own certificate, and everything else without any."""

    def __init__(self, outgoing: OutgoingTls) -> None:
        self._outgoing = outgoing

    async def serve(self, upstream: BackendServer, client: TunnelClient) -> None:
        """Forward the client's request to ``upstream``.

        Raises:
            ApiError: it cannot be reached, or has no answer; nothing has been sent to the client.
        """
        reader, writer = await self._connect(upstream)
        try:
            upgrade = _upgrade(client.headers)
            writer.write(_head(upstream, client, upgrade) + client.body)
            if upgrade and client.take_over:
                await _serve_upgrade((reader, writer), client, client.take_over)
            else:
                await _while_there(client, _pass_on_answer(reader, upstream, client))
        finally:
            writer.close()

    async def _connect(self, upstream: BackendServer) -> Streams:
        tls = self._tls(upstream)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                name = upstream.extension.name if upstream.extension else None
                return await asyncio.open_connection(
                    upstream.host, upstream.port, ssl=tls, server_hostname=name, limit=MAX_HEAD
                )
        except (OSError, TimeoutError) as error:
            why = f"dial tcp {SocketAddress(upstream.host, upstream.port)}: {error or 'timed out'}"
            raise ApiError(503, "ServiceUnavailable", f"error trying to reach service: {why}") from error

    def _tls(self, upstream: BackendServer) -> ssl.SSLContext | None:
        if upstream.is_node:
            return self._outgoing.to_node()
        if server := upstream.extension:
            return self._outgoing.to_extension(server.authorities, is_unchecked=server.is_unchecked)
        return to_anybody() if upstream.scheme == "https" else None


async def _while_there(client: TunnelClient, answering: Coroutine[Any, Any, None]) -> None:
    """Answer until that is done or the client has gone."""
    task, leaving = asyncio.ensure_future(answering), asyncio.ensure_future(client.receive())
    try:
        await asyncio.wait((task, leaving), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        for each in (task, leaving):
            each.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)


def _upgrade(headers: Iterable[Header]) -> bytes:
    """The protocol that the client wants to go on with; empty when it does not."""
    fields = dict(headers)
    wants = b"upgrade" in fields.get(b"connection", b"").lower()
    return fields.get(b"upgrade", b"") if wants else b""


def _head(upstream: BackendServer, client: TunnelClient, upgrade: bytes) -> bytes:
    lines = [
        f"{client.method} {upstream.path} HTTP/1.1".encode(),
        f"host: {SocketAddress(upstream.host, upstream.port)}".encode(),
        *(name + b": " + value for name, value in _end_to_end(client.headers) if _is_passed_on(name)),
        *(f"{name}: {value}".encode() for name, value in (upstream.extension.headers if upstream.extension else ())),
    ]
    if upgrade:
        lines += [b"connection: Upgrade", b"upgrade: " + upgrade]
    else:
        lines.append(b"connection: close")
    if client.body or client.method in {"POST", "PUT", "PATCH"}:
        lines.append(b"content-length: %d" % len(client.body))
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _is_passed_on(name: bytes) -> bool:
    """Whether a server behind this one is told: nothing of who asked, nor in whose place, nor what a user makes up."""
    return name not in _NOT_PASSED_ON and not name.startswith((b"impersonate-", b"x-remote-"))


def _end_to_end(headers: Sequence[Header]) -> Iterator[Header]:
    """Without those that concern one connection only: the usual ones, and those that ``Connection`` names."""
    named = {token.strip().lower() for name, value in headers if name == b"connection" for token in value.split(b",")}
    return (header for header in headers if header[0] not in _HOP_BY_HOP | named)


async def _serve_upgrade(server: Streams, client: TunnelClient, take_over: Callable[[], Streams]) -> None:
    head = await _read_head(server[0])
    if not head.startswith(b"HTTP/1.1 101 "):
        await _pass_on(server[0], client.send, head)
        return
    ours = take_over()
    ours[1].write(head)
    await _join(ours, server)


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(HEAD_SECONDS):
            return await reader.readuntil(b"\r\n\r\n")
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise _no_answer() from error


async def _join(left: Streams, right: Streams) -> None:
    """Copy both ways until either side is closed; then close both."""
    ways = {
        asyncio.create_task(_copy(left[0], right[1])),
        asyncio.create_task(_copy(right[0], left[1])),
    }
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        left[1].close()
        right[1].close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()


async def _pass_on_answer(reader: asyncio.StreamReader, upstream: BackendServer, client: TunnelClient) -> None:
    head = await _read_head(reader)
    while head.startswith(b"HTTP/1.1 100 "):
        head = await _read_head(reader)
    if upstream.is_node and not head.startswith(b"HTTP/1.1 200 "):
        raise await _refusal(reader, head)
    await _pass_on(reader, client.send, head)


async def _refusal(reader: asyncio.StreamReader, head: bytes) -> ApiError:
    """A node's refusal as this API's clients know them."""
    code = int(head.split(b" ", 2)[1])
    text = (await reader.read(MAX_ERROR)).decode(errors="replace")
    return ApiError(code, _REASONS.get(code, "InternalError"), text)


async def _pass_on(reader: asyncio.StreamReader, send: Send, data: bytes) -> None:
    """Pass an answer on, of which ``data`` has been read."""
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    started = False
    while data and not answer.is_complete:
        try:
            parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not started:
                raise _no_answer() from error
            return
        if answer.has_head and not started:
            started = True
            headers = list(_end_to_end(answer.headers))
            await send({"type": "http.response.start", "status": parser.get_status_code(), "headers": headers})
        if body := answer.take_body():
            await send({"type": "http.response.body", "body": body, "more_body": True})
        data = b"" if answer.is_complete else await reader.read(CHUNK)
    if not started:
        raise _no_answer()
    await send({"type": "http.response.body", "body": b""})


def _no_answer() -> ApiError:
    return ApiError(502, "BadGateway", "the server that had to answer closed the connection or did not speak HTTP")
