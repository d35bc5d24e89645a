"""Passes connections and datagrams on: from a listening socket, which may belong to another network namespace, to where
this process can reach.

A TCP connection is two byte streams, each ended when its source ends. UDP has no connections: each client address gets
a socket of its own towards the target, until nothing has passed for a while.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import cast

CONNECT_SECONDS = 1.0  # after which the next target is tried
UDP_IDLE_SECONDS = 60.0
_CHUNK = 64 * 1024

Address = tuple[str, int]
Targets = Callable[[], Sequence[Address]]
Close = Callable[[], None]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def relay_tcp(listener: socket.socket, targets: Targets) -> Close:
    """Serve the listener until the returned function is called; connections that there are then live on.

    Args:
        targets: where a new connection is to go, the best first.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if connection := await _connect(targets()):
                await join((reader, writer), connection)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, sock=listener)
    return server.close


async def _connect(targets: Sequence[Address]) -> Connection | None:
    for host, port in targets:
        with suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(CONNECT_SECONDS):
                return await asyncio.open_connection(host, port)
    return None


async def join(one: Connection, other: Connection) -> None:
    """Pass on what comes by either connection to the other, until both have ended; the second is closed then."""
    try:
        await asyncio.gather(_pump(one[0], other[1]), _pump(other[0], one[1]))
    finally:
        other[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # of a side that has gone
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def relay_udp(listener: socket.socket, targets: Targets) -> Close:
    """Like ``relay_tcp``, for datagrams; flows end with the listener."""
    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Flows(targets), sock=listener)
    return transport.close


class _Flows(asyncio.DatagramProtocol):
    """The clients of one UDP listener, each with its socket towards the target."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._sockets: dict[Address, socket.socket] = {}
        self._ends: dict[Address, asyncio.TimerHandle] = {}
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # its class does not say so before Python 3.12

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if addr not in self._sockets and not self._open(addr):
            return
        self._stay(addr)
        with suppress(OSError):  # as good as a datagram lost on the way
            self._sockets[addr].send(data)

    def connection_lost(self, exc: Exception | None) -> None:
        for client in list(self._sockets):
            self._end(client)

    def _open(self, client: Address) -> bool:
        target = next(iter(self._targets()), None)
        if target is None:
            return False
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        made.connect(target)
        self._sockets[client] = made
        self._loop.add_reader(made, self._answer, client)
        return True

    def _answer(self, client: Address) -> None:
        with suppress(OSError):
            self._transport.sendto(self._sockets[client].recv(_CHUNK), client)
            self._stay(client)

    def _stay(self, client: Address) -> None:
        if known := self._ends.pop(client, None):
            known.cancel()
        self._ends[client] = self._loop.call_later(UDP_IDLE_SECONDS, self._end, client)

    def _end(self, client: Address) -> None:
        made = self._sockets.pop(client)
        self._loop.remove_reader(made)
        made.close()
        if timer := self._ends.pop(client, None):
            timer.cancel()


RELAYS: dict[str, Callable[[socket.socket, Targets], Awaitable[Close]]] = {"TCP": relay_tcp, "UDP": relay_udp}
