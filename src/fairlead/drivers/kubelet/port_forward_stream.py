"""Serves ``port-forward``: many TCP connections into one Pod over one client connection.

The client is read only while every connection takes what it has sent, since SPDY as clients of Kubernetes speak it can
hold up a connection as a whole only. A client that has ended may still receive; a connection is finished once the Pod
has ended. One that fails is reported on its error stream, and the others go on.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

from fairlead.drivers.kubelet.peer import CHUNK, StreamPeer
from fairlead.streaming.errors import PeerError
from fairlead.streaming.port_forward import (
    AllGone,
    PortData,
    PortEnded,
    PortEvent,
    PortOpened,
    PortReset,
    PortSession,
)

Connect = Callable[[int], Awaitable[socket.socket]]
LINGER_SECONDS = 0.5  # how long a Pod that has ended may still be sent to: upstream's, which is socat's
_QUEUED = 4  # pieces of up to 64 KiB that wait for one connection


class _Forwarded:
    """One connection: what the client sends to it waits in ``incoming``; None is the end."""

    def __init__(self, forward: PortSession, number: int, flush: Callable[[], Awaitable[None]]) -> None:
        self.incoming: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED)
        self._forward, self._number, self._flush = forward, number, flush

    async def run(self, port: int, connect: Connect) -> None:
        """Move bytes both ways until the Pod has ended, or either way fails."""
        error = ""
        try:
            reader, writer = await asyncio.open_connection(sock=await connect(port))
            try:
                await self._move(reader, writer)
            finally:
                writer.close()
        except OSError as failure:
            error = f"error forwarding port {port} to pod: {os.strerror(failure.errno) if failure.errno else failure}"
        finally:
            self._forward.finish(self._number, error)
            await self._flush()

    async def _move(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sending = asyncio.create_task(self._to_pod(writer))
        try:
            await self._to_client(reader)
            await asyncio.wait((sending,), timeout=LINGER_SECONDS)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _to_pod(self, writer: asyncio.StreamWriter) -> None:
        while (data := await self.incoming.get()) is not None:
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def _to_client(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(CHUNK):
            self._forward.send(self._number, data)
            await self._flush()
        self._forward.end(self._number)
        await self._flush()


class _Forwarding:
    """All connections of one client."""

    def __init__(self, forward: PortSession, peer: StreamPeer, connect: Connect) -> None:
        self._forward, self._peer, self._connect = forward, peer, connect
        self._connections: dict[int, tuple[_Forwarded, asyncio.Task[None]]] = {}

    async def serve(self) -> None:
        try:
            data = b""
            while await self._take(data) and (data := await self._peer.read()):
                pass
        finally:
            tasks = [task for _, task in self._connections.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._forward.close()
            await self._flush()

    async def _flush(self) -> None:
        await self._peer.send(self._forward.data_to_send())

    async def _take(self, data: bytes) -> bool:
        """Act on what the client sent; False when it has gone or broken the protocol."""
        try:
            events = self._forward.receive(data)
        except PeerError:
            return False
        await self._flush()
        for event in events:
            await self._on_event(event)
        return AllGone() not in events

    async def _on_event(self, event: PortEvent) -> None:
        match event:
            case PortOpened(number, port):
                self._open(number, port)
            case PortData(number, data):
                await self._pass_on(number, data)
            case PortEnded(number):
                await self._pass_on(number, None)
            case PortReset(number) if number in self._connections:
                self._connections[number][1].cancel()

    def _open(self, number: int, port: int) -> None:
        connection = _Forwarded(self._forward, number, self._flush)
        task = asyncio.create_task(connection.run(port, self._connect))
        self._connections[number] = (connection, task)
        task.add_done_callback(lambda _: self._connections.pop(number))

    async def _pass_on(self, number: int, data: bytes | None) -> None:
        """Wait until the connection takes it, or has ended."""
        if number not in self._connections:
            return
        connection, task = self._connections[number]
        putting = asyncio.create_task(connection.incoming.put(data))
        try:
            await asyncio.wait((putting, task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            putting.cancel()
            with suppress(asyncio.CancelledError):
                await putting


async def serve_port_forward(forward: PortSession, peer: StreamPeer, connect: Connect) -> None:
    """Forward connections until the client goes."""
    await _Forwarding(forward, peer, connect).serve()
