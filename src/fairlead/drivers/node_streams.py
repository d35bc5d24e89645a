"""Passing requests about running Pods on to their nodes: logs, exec, attach, port-forward.

A node agent listens on a socket of its own in a folder that only the lab's user can enter, and speaks HTTP/1.1 there as
a kubelet does: ``/containerLogs``, ``/exec``, ``/attach`` and ``/portForward``. The API server has decided who may ask
and whom; it writes the request's head and then copies octets in both directions without looking at them, so that any
protocol a client wants to switch to (WebSocket, SPDY) is between client and node alone.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from fairlead.drivers.http_server import TunnelEnd
from fairlead.registry.node_requests import NodeRequest
from fairlead.registry.status import ApiError

MAX_STREAMS = 256
CONNECT_SECONDS = 5.0
CHUNK = 64 << 10
# Octets that may wait for a slow node before the client is held back.
HIGH_WATER = 256 << 10

# The headers of an upgrade, and what describes it; all others are between the client and the API server.
_PASSED_ON = ("upgrade", "connection", "x-stream-protocol-version")
_PASSED_ON_PREFIX = "sec-websocket-"


class NodeStreams:
    """The streams between clients and nodes of one server."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._open = 0

    async def pass_on(self, request: NodeRequest, scope: dict[str, Any]) -> None:
        """Hand the client's connection over to the node, until either side ends it.

        Raises:
            ApiError: 503 the node cannot be reached, 429 too many streams are open.
        """
        if self._open >= MAX_STREAMS:
            raise ApiError(429, "TooManyRequests", "too many streams to nodes are open, please try again later")
        self._open += 1
        try:
            reader, writer = await self._connect(request.node)
            writer.write(_head(request, scope))
            tunnel = _NodeTunnel(writer)
            await tunnel.run(reader, scope["take_over"](tunnel))
        finally:
            self._open -= 1

    async def _connect(self, node: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        unreachable = ApiError(503, "ServiceUnavailable", f'node "{node}" cannot be reached')
        if self._folder is None or "/" in node:
            raise unreachable
        # AF_UNIX allows 108 octets of path, which a folder may exceed; its descriptor is short.
        try:
            folder = os.open(self._folder, os.O_PATH | os.O_DIRECTORY)
        except OSError as error:
            raise unreachable from error
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/{node}.sock")
        except (OSError, TimeoutError) as error:
            raise unreachable from error
        finally:
            os.close(folder)


def _head(request: NodeRequest, scope: dict[str, Any]) -> bytes:
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name.decode("latin-1") in _PASSED_ON or name.decode("latin-1").startswith(_PASSED_ON_PREFIX)
    ]
    if not any(name == b"upgrade" for name, _ in headers):
        headers = [(b"connection", b"close")]
    lines = [f"{scope['method']} {request.path} HTTP/1.1".encode(), b"Host: node", b"Content-Length: 0"]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


class _Client(Protocol):
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class _NodeTunnel:
    """Copies between one client and one node, each at the pace of the slower one."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._left = asyncio.Event()
        self._relieving: asyncio.Task[None] | None = None
        self._client: _Client | None = None

    def receive(self, data: bytes) -> None:
        self._writer.write(data)
        if self._client is not None and self._writer.transport.get_write_buffer_size() > HIGH_WATER:
            self._client.pause_reading()
            self._relieving = asyncio.ensure_future(self._relieve(self._client.resume_reading))

    async def _relieve(self, resume: Callable[[], None]) -> None:
        with suppress(ConnectionError, RuntimeError):
            await self._writer.drain()
            resume()

    def client_left(self) -> None:
        self._left.set()

    async def run(self, reader: asyncio.StreamReader, client: TunnelEnd) -> None:
        self._client = client.transport
        client.transport.resume_reading()
        copying = asyncio.ensure_future(self._copy(reader, client))
        leaving = asyncio.ensure_future(self._left.wait())
        try:
            await asyncio.wait([copying, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (copying, leaving, self._relieving):
                if task is not None:
                    task.cancel()
            await asyncio.gather(copying, leaving, return_exceptions=True)
            self._writer.close()
            client.transport.close()

    async def _copy(self, reader: asyncio.StreamReader, client: TunnelEnd) -> None:
        while data := await reader.read(CHUNK):
            client.transport.write(data)
            await client.drain()
