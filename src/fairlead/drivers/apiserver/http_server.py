"""HTTP over TLS for an ASGI application, on listening sockets that somebody else made.

uvicorn's protocol does the HTTP; here it learns the peer's certificate, limits the number of connections and the size
of a head, lets the application take over a connection whose client asks for an upgrade, and is served without uvicorn's
own process management (signals, a tick ten times a second), since whoever runs the server owns the process.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from fairlead.drivers.tls_buffers import keep_tls_buffers_small

MAX_CONNECTIONS = 4096
MAX_HEAD = 128 << 10
BUFFER = 64 << 10  # of a connection that was taken over; reading pauses at twice that
IDLE_SECONDS = 120
GRACE_SECONDS = 2.0


class _TooLong(Exception):
    """The head of a request is longer than anybody needs."""


class ApiProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with the client certificate in the scope as ``peer_certificate``; and, when the client asks
    for an upgrade, with ``take_over``, which hands out the connection as a reader and a writer."""

    _certificate: Any = None
    _head = 0
    _after_upgrade: bytearray | None = None  # what came after the head of a request for an upgrade

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._certificate = transport.get_extra_info("peercert")
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def on_message_begin(self) -> None:
        self._head = 0
        super().on_message_begin()
        self.scope["peer_certificate"] = self._certificate  # type: ignore[typeddict-unknown-key]

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            self.scope["take_over"] = self._take_over  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self._after_upgrade is not None:
            self._after_upgrade += data
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._after_upgrade = bytearray(data[upgrade.args[0] :])
            self.transport.pause_reading()
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._after_upgrade is not None:  # refused; what follows might be of any protocol
            self.transport.close()

    def _take_over(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.cycle.disconnected = True  # as far as HTTP is concerned
        self.connections.discard(self)
        reader = asyncio.StreamReader(limit=BUFFER, loop=self.loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self.loop)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        reader.feed_data(bytes(self._after_upgrade or b""))
        self.transport.resume_reading()
        return reader, asyncio.StreamWriter(self.transport, protocol, reader, self.loop)

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MAX_HEAD:
            raise _TooLong


def server_tls(pki_directory: Path) -> ssl.SSLContext:
    """TLS with the server's certificate; clients may show one of the cluster's authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pki_directory / "server.crt", pki_directory / "server.key")
    context.load_verify_locations(pki_directory / "ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    # A client that reads in one thread and writes in another shares one TLS object between them; when tickets for
    # a later session come just as it sends its first request, OpenSSL may lose that. Nobody here resumes sessions.
    context.num_tickets = 0
    return context


async def serve(
    application: Callable[..., Any],
    sockets: Sequence[socket.socket],
    tls: ssl.SSLContext | None,
    started: Callable[[], None],
    closing: Callable[[], None],
) -> None:
    """Serve until cancelled; then stop listening, let answers be finished for a moment, and cut what is left.

    Args:
        started: called once, when all sockets are served.
        closing: called when serving ends, so that endless answers can end too.
    """
    keep_tls_buffers_small()
    config = Config(
        application,
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="none",
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
    )
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    for sock in sockets:
        # asyncio does this only for sockets made with an explicit protocol number; accepted ones inherit it. Without it
        # the two writes of an answer, head and body, wait for a delayed acknowledgement: 40 ms for each request.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    servers = [
        await loop.create_server(lambda: ApiProtocol(config, state, {}), sock=sock, ssl=tls, backlog=1024)
        for sock in sockets
    ]
    started()
    try:
        await asyncio.Event().wait()
    finally:
        for server in servers:
            server.close()
        closing()
        await _drain(state)


async def _drain(state: ServerState) -> None:
    for connection in list(state.connections):
        connection.shutdown()
    if state.tasks:
        await asyncio.wait(list(state.tasks), timeout=GRACE_SECONDS)
    for task in list(state.tasks):
        task.cancel()
    for connection in list(state.connections):
        with suppress(AttributeError):
            connection.transport.abort()
