"""DNS over TCP (RFC 7766), and over TLS (RFC 7858).

Queries may be pipelined, replies may overtake each other, idle connections are closed.

Connections are bounded, first for each client and then for all. When there are too many, the one that has been idle for
longest makes room, so a client that holds thousands open takes nothing from others. A client that does not read its
replies is cut off, and one that has closed its side gets what it has asked for. Zone transfers go out here alone.
"""

import asyncio
import socket
import ssl
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import dns.exception
import dns.message
import dns.rdatatype

from fairlead.clusterdns.responder import DnsClient, Pending, Responder, WholeZone
from fairlead.drivers.dns.listener import Services

UNDER_WAY_MAX = 100  # questions of one connection that wait for upstream servers; then reading pauses


class TcpLimits(NamedTuple):
    """How much one listener gives away.

    Attributes:
        connections: open at once, of all clients together.
        per_client: open at once, of one address.
        idle: seconds that a connection may say nothing; upstream's default.
        write: seconds that a client may take to read what it is sent.
    """

    connections: int = 5000
    per_client: int = 500
    idle: float = 10.0
    write: float = 10.0


@dataclass(eq=False)
class _Connection:
    """An open connection; ``heard`` is when it last asked something, by the loop's clock."""

    client: DnsClient
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: float
    task: asyncio.Task[None]
    waiting: set[asyncio.Task[None]] = field(default_factory=set)


class _Unread(ConnectionError):
    """The client does not read."""


class TcpListener:
    """One listening TCP socket.

    Args:
        context: as whom to present itself over TLS; None for plain TCP.

    Attributes:
        closed: connections that the server closed, by the reason: ``idle``, ``room`` for others, ``unread`` replies.
    """

    def __init__(
        self,
        bound: socket.socket,
        responder: Responder,
        services: Services,
        limits: TcpLimits | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.responder = responder
        self.address, self.port = bound.getsockname()[:2]
        self.closed: Counter[str] = Counter()
        self.services = services
        self.limits = limits or TcpLimits()
        self._socket, self._context = bound, context
        self._server: asyncio.Server | None = None
        # In the order in which they were last heard, by client: the first of each is the one to go.
        self._connections: dict[str, dict[_Connection, None]] = {}

    async def start(self) -> None:
        if self._context is None:
            self._server = await asyncio.start_server(self._converse, sock=self._socket)
        else:  # at a copy, which ends with the certificate
            self._server = await asyncio.start_server(
                self._converse, sock=self._socket.dup(), ssl=self._context, ssl_handshake_timeout=self.limits.idle
            )

    async def present(self, context: ssl.SSLContext) -> None:
        """Use another certificate for new connections, without refusing any."""
        if self._server is not None:
            self._server.close()
        self._context = context
        await self.start()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._socket.close()
        for connections in self._connections.values():
            for connection in connections:
                connection.task.cancel()

    def __len__(self) -> int:
        """How many connections are open."""
        return sum(map(len, self._connections.values()))

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        client = DnsClient(*writer.get_extra_info("peername")[:2])
        connection = _Connection(client, reader, writer, asyncio.get_running_loop().time(), task)
        self._make_room(client.address)
        self._connections.setdefault(client.address, {})[connection] = None
        try:
            await self._answer_all(connection)
        except TimeoutError:
            self.closed["idle"] += 1
        except _Unread:
            self.closed["unread"] += 1
            writer.transport.abort()
        except (ConnectionError, asyncio.CancelledError):
            pass  # gone, or the server closes: in each case the connection ends
        finally:
            self._forget(connection)

    def _make_room(self, address: str) -> None:
        own = self._connections.get(address, {})
        if len(own) >= self.limits.per_client:
            self._drop(next(iter(own)))
        elif len(self) >= self.limits.connections:
            greediest = max(self._connections.values(), key=len)
            self._drop(next(iter(greediest)))

    def _drop(self, connection: _Connection) -> None:
        self.closed["room"] += 1
        connection.task.cancel()
        self._forget(connection)

    def _forget(self, connection: _Connection) -> None:
        own = self._connections.get(connection.client.address, {})
        own.pop(connection, None)
        if not own:
            self._connections.pop(connection.client.address, None)
        for task in connection.waiting:
            task.cancel()
        connection.writer.close()

    async def _answer_all(self, connection: _Connection) -> None:
        while (packet := await self._next(connection)) is not None:
            own = self._connections[connection.client.address]
            own[connection] = own.pop(connection)  # the last one to be closed now
            prepared = self.responder.prepared.young.get(packet[2:])
            if prepared is None:
                await self._slow(connection, packet)
            else:
                prepared.hits += 1
                body = prepared.body if prepared.turns is None else next(prepared.turns)
                await self._write(connection, packet[:2] + body)
        if connection.waiting:
            await asyncio.wait(connection.waiting)

    async def _next(self, connection: _Connection) -> bytes | None:
        """The next query; None when the client has closed its side."""
        while len(connection.waiting) >= UNDER_WAY_MAX:
            await asyncio.wait(connection.waiting, return_when=asyncio.FIRST_COMPLETED)
        try:
            async with asyncio.timeout(self.limits.idle):
                length = int.from_bytes(await connection.reader.readexactly(2), "big")
                return await connection.reader.readexactly(length)
        except asyncio.IncompleteReadError:
            return None

    async def _slow(self, connection: _Connection, packet: bytes) -> None:
        reply = self.services.respond(packet, self.responder, connection.client)
        if isinstance(reply, Pending):
            task = asyncio.get_running_loop().create_task(self._fetch(connection, reply))
            connection.waiting.add(task)
            task.add_done_callback(connection.waiting.discard)
        elif isinstance(reply, WholeZone):
            # The snapshot is that of the beginning to the end.
            for message in self.responder.transfer(reply, _known_serial(packet)):
                await self._write(connection, message)
        elif reply is not None:
            await self._write(connection, reply)
        else:
            raise ConnectionError("a packet that deserves no reply")

    async def _fetch(self, connection: _Connection, pending: Pending) -> None:
        reply = await self.services.later(pending, self.responder)
        with suppress(ConnectionError):
            if reply is not None:
                await self._write(connection, reply)

    async def _write(self, connection: _Connection, reply: bytes) -> None:
        connection.writer.write(len(reply).to_bytes(2, "big") + reply)
        try:
            async with asyncio.timeout(self.limits.write):
                await connection.writer.drain()
        except TimeoutError as error:
            connection.writer.transport.abort()
            raise _Unread from error


def _known_serial(packet: bytes) -> int | None:
    """The serial that an IXFR query says its client has; None when it says nothing readable, or asks for all."""
    try:
        authority = dns.message.from_wire(packet).authority
    except dns.exception.DNSException:
        return None
    return next(
        (int(rdata.serial) for rrset in authority for rdata in rrset if rdata.rdtype == dns.rdatatype.SOA), None
    )
