"""Name servers that do what a test tells them: they answer, lie, are silent, or know no EDNS."""

import asyncio
import contextlib

import dns.message
import dns.rcode
import dns.rrset

from fairlead.clusterdns.upstreams import UpstreamServer
from tests.support.dns_servers import HOST
from tests.support.net.ports import free_port


def answering(*records, rcode="NOERROR", flags=0):
    """An upstream's manner: always these records."""

    def reply(query: dns.message.Message) -> list[bytes]:
        message = dns.message.make_response(query)
        message.set_rcode(dns.rcode.from_text(rcode))
        message.flags |= flags
        for record in records:
            owner, ttl, _, rtype, data = record.split(" ", 4)
            message.answer.append(dns.rrset.from_text(owner, int(ttl), "IN", rtype, data))
        return [message.to_wire()]

    return reply


def silent(_):
    return []


class NameServer(asyncio.DatagramProtocol):
    """A name server with a manner, which may change; over TCP it tells ``whole``, when it has one."""

    def __init__(self, manner, whole=None):
        self.manner, self.whole, self.asked = manner, whole, 0

    def connection_made(self, transport):
        self.transport = transport
        self.server = UpstreamServer(*transport.get_extra_info("sockname"))

    def datagram_received(self, data, addr):
        self.asked += 1
        for packet in self.manner(dns.message.from_wire(data)):
            self.transport.sendto(packet, addr)

    async def converse(self, reader, writer):
        length = int.from_bytes(await reader.readexactly(2), "big")
        (packet,) = self.whole(dns.message.from_wire(await reader.readexactly(length)))
        writer.write(len(packet).to_bytes(2, "big") + packet)
        writer.close()


@contextlib.asynccontextmanager
async def upstream(manner, whole=None):
    loop = asyncio.get_running_loop()
    # A port of any number that is free for UDP may be one from which somebody else has a connection.
    transport, protocol = await loop.create_datagram_endpoint(lambda: NameServer(manner, whole), (HOST, free_port()))
    tcp = None
    try:
        if whole:
            tcp = await asyncio.start_server(protocol.converse, HOST, protocol.server.port)
        yield protocol
    finally:
        transport.close()
        if tcp:
            tcp.close()


def knowing_no_edns(way: str, then):
    """A manner: a query with EDNS gets a response code, a reply that repeats no question, or silence; else ``then``."""

    def reply(query: dns.message.Message) -> list[bytes]:
        if query.edns < 0:
            return list(then(query))
        if way == "silent":
            return []
        message = dns.message.make_response(query)
        message.use_edns(0 if way == "BADVERS" else False)
        message.set_rcode(dns.rcode.from_text(way))
        return [message.to_wire()]

    return reply


class StreamServer:
    """A name server over TCP, or TLS; ``opened`` counts connections."""

    def __init__(self, manner) -> None:
        self.opened = 0
        self.server = UpstreamServer(HOST)
        self._manner = manner
        self.handling: set[asyncio.Task] = set()

    async def converse(self, reader, writer) -> None:
        self.opened += 1
        task = asyncio.current_task()
        assert task is not None
        self.handling.add(task)
        try:
            while length := await reader.read(2):
                query = dns.message.from_wire(await reader.readexactly(int.from_bytes(length, "big")))
                (packet,) = self._manner(query)
                writer.write(len(packet).to_bytes(2, "big") + packet)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def stream_server(manner, context=None):
    """A name server over connections; its clients must have closed theirs in the end."""
    server = StreamServer(manner)
    listening = await asyncio.start_server(server.converse, HOST, 0, ssl=context)
    server.server = UpstreamServer(HOST, listening.sockets[0].getsockname()[1])
    async with listening:
        yield server
        if server.handling:
            await asyncio.wait(server.handling, timeout=10)
