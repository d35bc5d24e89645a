"""DNS over TCP (RFC 7766): queries may be pipelined, replies may overtake each other, idle connections are closed.

Zone transfers go out here alone, to the networks that may have them.
"""

import asyncio
import socket
from contextlib import suppress
from ipaddress import ip_address

import dns.exception
import dns.message
import dns.rdatatype

from fairlead.clusterdns.query import Query
from fairlead.clusterdns.records import Rcode
from fairlead.clusterdns.responder import Elsewhere, Reply, Responder, SearchStep, WholeZone
from fairlead.drivers.dns.listener import Services

IDLE = 10.0  # seconds a connection may say nothing; upstream's default
CONNECTIONS = 1000  # open at once; beyond it new ones are closed


class TcpListener:
    """One listening TCP socket."""

    def __init__(self, bound: socket.socket, responder: Responder, services: Services) -> None:
        self.responder = responder
        self.address, self.port = bound.getsockname()[:2]
        self._socket = bound
        self.services = services
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._converse, sock=self._socket)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) <= CONNECTIONS:
                async with asyncio.TaskGroup() as fetches:
                    await self._answer_all(reader, writer, fetches)
        except* (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # idle, gone, done, or the server closes: in each case the connection ends
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer_all(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fetches: asyncio.TaskGroup
    ) -> None:
        while True:
            async with asyncio.timeout(IDLE):
                length = int.from_bytes(await reader.readexactly(2), "big")
                packet = await reader.readexactly(length)
            prepared = self.responder.prepared.young.get(packet[2:])
            reply: Reply
            if prepared is None:
                reply = self.services.respond(packet, self.responder)
            else:
                prepared.hits += 1
                reply = packet[:2] + (prepared.body if prepared.turns is None else next(prepared.turns))
            if reply is None:
                return
            if isinstance(reply, Elsewhere | SearchStep):
                fetches.create_task(self._fetch(reply, writer))
            elif isinstance(reply, WholeZone):
                await self._transfer(reply.query, packet, writer)
            else:
                await self._write(writer, reply)

    async def _transfer(self, query: Query, packet: bytes, writer: asyncio.StreamWriter) -> None:
        """Send the zone, if this client may have it; the snapshot is that of the beginning to the end."""
        client = ip_address(writer.get_extra_info("peername")[0])
        if not any(client in network for network in self.services.transfer_to):
            await self._write(writer, self.responder.refuse(query, Rcode.REFUSED))
            return
        for message in self.responder.transfer(query, _known_serial(packet)):
            await self._write(writer, message)

    async def _fetch(self, unfinished: Elsewhere | SearchStep, writer: asyncio.StreamWriter) -> None:
        client = writer.get_extra_info("peername")[0]
        await self._write(writer, await self.services.later(unfinished, client, self.responder))

    async def _write(self, writer: asyncio.StreamWriter, reply: bytes) -> None:
        if self.services.log is not None:
            self.services.log(writer.get_extra_info("peername")[0], reply)
        with suppress(ConnectionError):
            writer.write(len(reply).to_bytes(2, "big") + reply)
            await writer.drain()


def _known_serial(packet: bytes) -> int | None:
    """The serial that an IXFR query says its client has; None when it says nothing readable, or asks for all."""
    try:
        authority = dns.message.from_wire(packet).authority
    except dns.exception.DNSException:
        return None
    return next(
        (int(rdata.serial) for rrset in authority for rdata in rrset if rdata.rdtype == dns.rdatatype.SOA), None
    )
