"""Relays TCP connections at one address of this machine to the target that a callback chooses.

A decision is made after the handshake, since a socket's user cannot see a connection earlier. So what rules reject is
reset, and what they drop stays silent until its client gives up.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from fairlead.drivers.linux.accepting import Acceptor
from fairlead.netfilter.ruleset import Target

CONNECT_SECONDS = 5.0
_CHUNK = 64 * 1024
_RESET_AT_CLOSE = struct.pack("=ii", 1, 0)  # SO_LINGER without time: close(2) sends a reset

Address = tuple[str, int]


class Route(NamedTuple):
    """The target of a connection or flow.

    Attributes:
        target: None: nowhere.
        source: the address that the target is to see.
        is_silent: without a target, whether the connection is dropped silently or refused.
    """

    target: Target | None
    source: str = ""
    is_silent: bool = False


Decide = Callable[[Address], Awaitable[Route]]


def listen(address: Address, kind: socket.SocketKind) -> socket.socket:
    """A socket at an address of this machine, for TCP or UDP; raises OSError when it cannot be bound."""
    made = socket.socket(socket.AF_INET, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind is socket.SOCK_STREAM)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


class StreamRelay:
    """Serves a bound socket until ``close``; open connections continue.

    Args:
        decide: where the connection of a client goes.
    """

    def __init__(self, listener: socket.socket, decide: Decide) -> None:
        self._decide = decide
        self._passing: set[asyncio.Task[None]] = set()
        self._acceptor = Acceptor(listener, self._welcome)

    def close(self) -> None:
        """Accept no more."""
        self._acceptor.close()

    async def _welcome(self, client: socket.socket) -> None:
        route = await self._decide(client.getpeername())
        if route.target is None:
            self._keep(_stay_silent(client) if route.is_silent else _reset(client))
            return
        try:
            server = await _connect(route)
        except OSError:
            self._keep(_reset(client))
            return
        self._keep(_pass_on(client, server))

    def _keep(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)


async def _connect(route: Route) -> socket.socket:
    assert route.target is not None
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        bind_source(made, route.source)
        async with asyncio.timeout(CONNECT_SECONDS):
            await asyncio.get_running_loop().sock_connect(made, (route.target.address, route.target.port))
    except BaseException:
        made.close()
        raise
    return made


def bind_source(made: socket.socket, source: str) -> None:
    """Bind a socket to this source address with any port; if this machine lacks it, to any address."""
    made.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
    with suppress(OSError):
        made.bind((source, 0))


async def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
    client.close()


async def _stay_silent(client: socket.socket) -> None:
    """Take what comes, and say nothing, until the client has gone."""
    with client, suppress(OSError):
        while await asyncio.get_running_loop().sock_recv(client, _CHUNK):
            continue


async def _pass_on(client: socket.socket, server: socket.socket) -> None:
    with client, server:
        await asyncio.gather(_pump(client, server), _pump(server, client))


async def _pump(source: socket.socket, sink: socket.socket) -> None:
    """One direction. An end is passed on as an end, a reset as a reset."""
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.sock_recv(source, _CHUNK):
            await loop.sock_sendall(sink, data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for each in (source, sink):
            with suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
                each.shutdown(socket.SHUT_RD)
