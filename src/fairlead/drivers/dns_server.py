"""DNS over UDP and TCP sockets, in front of a ``Responder``.

UDP is the hot path of the whole server: datagrams are taken and replied to in batches, and each costs a dictionary
look-up and a copy. A readiness event drains the socket, but for ``ROUNDS`` batches at most, so that nothing starves.
TCP follows RFC 7766: queries may be pipelined, replies may overtake each other, idle connections are closed.
"""

import asyncio
import socket
from bisect import bisect_left
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address
from time import perf_counter
from typing import NamedTuple

import dns.exception
import dns.message
import dns.rdatatype

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.query import Query
from fairlead.clusterdns.records import Rcode
from fairlead.clusterdns.responder import Elsewhere, Reply, Responder, WholeZone
from fairlead.clusterdns.wire import UDP_CAP
from fairlead.drivers import datagram_batch
from fairlead.drivers.datagram_batch import (
    LENGTH_FIRST,
    LENGTH_STRIDE,
    REPLY_LENGTH_FIRST,
    REPLY_LENGTH_STRIDE,
    SLOT,
    DatagramBatch,
)
from fairlead.model.addresses import IPNetwork

ROUNDS = 4  # batches taken per readiness event
RECEIVE_BUFFER = 4 * 1024 * 1024  # octets the kernel may hold while the loop is busy elsewhere
TCP_IDLE = 10.0  # seconds a connection may say nothing; upstream's default
TCP_CONNECTIONS = 1000  # open at once; beyond it new ones are closed

Forward = Callable[[Elsewhere, Responder], Awaitable[bytes]]
Log = Callable[[str, bytes], None]  # client and reply


class Services(NamedTuple):
    """What a listener needs beside its socket.

    Attributes:
        forward: whom to ask about names outside.
        log: whom to tell of each reply.
        transfer_to: who may transfer the zone.
    """

    forward: Forward
    log: Log | None = None
    transfer_to: tuple[IPNetwork, ...] = ()


class Durations:
    """How long replies took, in upstream's histogram buckets.

    A clock read for every reply would cost a tenth of the reply, so all replies of one batch count as their mean.
    """

    BOUNDS = tuple(0.00025 * 2**n for n in range(16))  # seconds, as upstream's

    def __init__(self) -> None:
        self.counts = [0] * (len(self.BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float, replies: int) -> None:
        """Count replies that took this long together."""
        if replies:
            self.seconds += seconds
            self.counts[bisect_left(self.BOUNDS, seconds / replies)] += replies


class UdpListener:
    """One bound UDP socket."""

    def __init__(self, bound: socket.socket, responder: Responder, services: Services) -> None:
        self.responder = responder
        self.address, self.port = bound.getsockname()[:2]
        self.lost = 0  # late replies that the kernel would not take
        self.durations = Durations()
        self._socket = bound
        self._services = services
        self._tasks: set[asyncio.Task[None]] = set()
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.batch = DatagramBatch(bound)

    def start(self) -> None:
        asyncio.get_running_loop().add_reader(self._socket, self._drain)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        for task in self._tasks:
            task.cancel()

    def _drain(self) -> None:
        for _ in range(ROUNDS):
            count = self.batch.receive()
            started = perf_counter()
            self._answer(count)
            self.durations.add(perf_counter() - started, count)
            if count < datagram_batch.SIZE:
                return

    def _answer(self, count: int) -> None:
        """Reply to the datagrams of one batch. All names are local because this is the hot path of the whole server."""
        batch, ready = self.batch, self.responder.prepared.young.get
        incoming, outgoing, lengths, reply_lengths = batch.incoming, batch.outgoing, batch.lengths, batch.reply_lengths
        unsent, at = 0, 0
        for slot in range(count):
            end = at + lengths[LENGTH_FIRST + slot * LENGTH_STRIDE]
            prepared = ready(incoming[at + 2 : end].tobytes())
            if prepared is not None:
                prepared.hits += 1
                body = prepared.body if prepared.turns is None else next(prepared.turns)
            else:
                body = self._slow(incoming[at:end].tobytes(), slot)
            if body:
                outgoing[at : at + 2] = incoming[at : at + 2]
                outgoing[at + 2 : at + 2 + len(body)] = body
                reply_lengths[REPLY_LENGTH_FIRST + slot * REPLY_LENGTH_STRIDE] = 2 + len(body)
            else:
                batch.reply(unsent, slot)
                unsent = slot + 1
            at += SLOT
        batch.reply(unsent, count)

    def _slow(self, packet: bytes, slot: int) -> bytes:
        """The reply to a datagram without its id; empty when there is none, or when it comes later."""
        reply = self.responder.respond(packet)
        assert not isinstance(reply, WholeZone), "transfers are over TCP"
        if isinstance(reply, Elsewhere):
            task = asyncio.get_running_loop().create_task(self._fetch(reply, self.batch.client(slot)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return b""
        if reply is not None and self._services.log is not None:
            self._services.log(self.batch.client(slot)[0], reply)
        return reply[2:] if reply is not None else b""

    async def _fetch(self, elsewhere: Elsewhere, client: tuple[str, int]) -> None:
        reply = await self._services.forward(elsewhere, self.responder)
        if self._services.log is not None:
            self._services.log(client[0], reply)
        try:
            self._socket.sendto(reply, client)
        except OSError:
            self.lost += 1


class TcpListener:
    """One listening TCP socket."""

    def __init__(self, bound: socket.socket, responder: Responder, services: Services) -> None:
        self.responder = responder
        self.address, self.port = bound.getsockname()[:2]
        self._socket = bound
        self._services = services
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
            if len(self._connections) <= TCP_CONNECTIONS:
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
            async with asyncio.timeout(TCP_IDLE):
                length = int.from_bytes(await reader.readexactly(2), "big")
                packet = await reader.readexactly(length)
            prepared = self.responder.prepared.young.get(packet[2:])
            reply: Reply
            if prepared is None:
                reply = self.responder.respond(packet)
            else:
                prepared.hits += 1
                reply = packet[:2] + (prepared.body if prepared.turns is None else next(prepared.turns))
            if reply is None:
                return
            if isinstance(reply, Elsewhere):
                fetches.create_task(self._fetch(reply, writer))
            elif isinstance(reply, WholeZone):
                await self._transfer(reply.query, packet, writer)
            else:
                await self._write(writer, reply)

    async def _transfer(self, query: Query, packet: bytes, writer: asyncio.StreamWriter) -> None:
        """Send the zone, if this client may have it; the snapshot is that of the beginning to the end."""
        client = ip_address(writer.get_extra_info("peername")[0])
        if not any(client in network for network in self._services.transfer_to):
            await self._write(writer, self.responder.refuse(query, Rcode.REFUSED))
            return
        for message in self.responder.transfer(query, _known_serial(packet)):
            await self._write(writer, message)

    async def _fetch(self, elsewhere: Elsewhere, writer: asyncio.StreamWriter) -> None:
        await self._write(writer, await self._services.forward(elsewhere, self.responder))

    async def _write(self, writer: asyncio.StreamWriter, reply: bytes) -> None:
        if self._services.log is not None:
            self._services.log(writer.get_extra_info("peername")[0], reply)
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


class DnsServer:
    """UDP and TCP on each address; one responder per socket, so that replies are counted by protocol and family."""

    def __init__(self, authority: Authority, services: Services, cap: int = UDP_CAP) -> None:
        self.udp: list[UdpListener] = []
        self.tcp: list[TcpListener] = []
        self._authority = authority
        self._services = services
        self._cap = cap

    async def listen(self, addresses: tuple[str, ...], port: int, shared: bool = False) -> None:
        """Bind and serve; ``shared`` lets several processes bind the same port (SO_REUSEPORT).

        Raises:
            OSError: an address cannot be bound. What was bound before stays until ``close``.
        """
        for address in addresses:
            udp, tcp = _bound_pair(address, port, shared)
            self.udp.append(UdpListener(udp, self._responder(self._cap), self._services))
            self.tcp.append(TcpListener(tcp, self._responder(None), self._services))
            self.udp[-1].start()
            await self.tcp[-1].start()

    def _responder(self, cap: int | None) -> Responder:
        return Responder(self._authority, cap, keep=self._services.log is None)

    @property
    def port(self) -> int:
        """The port of the first socket: useful when 0 was asked for."""
        return int(self.udp[0]._socket.getsockname()[1])

    def close(self) -> None:
        for udp in self.udp:
            udp.close()
        for tcp in self.tcp:
            tcp.close()


def own_addresses(bound: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses that others reach this server at: those bound, loopback left out; a wildcard stands for the
    address that the machine would send from."""
    found = [_source_address(address) if ip_address(address).is_unspecified else address for address in bound]
    return tuple(dict.fromkeys(a for a in found if a and not ip_address(a).is_loopback))


def _source_address(wildcard: str) -> str | None:
    """Where a packet to the world would come from; connecting a UDP socket sends nothing."""
    family, somewhere = (socket.AF_INET6, "2001:db8::1") if ":" in wildcard else (socket.AF_INET, "192.0.2.1")
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((somewhere, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _bound_pair(address: str, port: int, shared: bool) -> tuple[socket.socket, socket.socket]:
    """UDP and TCP at the same port. When any will do, one that is free for both is looked for."""
    for last in (False,) * 9 + (True,) if port == 0 else (True,):
        udp = _bound(address, port, socket.SOCK_DGRAM, shared)
        try:
            return udp, _bound(address, port or udp.getsockname()[1], socket.SOCK_STREAM, shared)
        except OSError:
            udp.close()
            if last:
                raise
    raise AssertionError("the last attempt returns or raises")


def _bound(address: str, port: int, kind: socket.SocketKind, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, kind)
    try:
        if kind is socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family is socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        if kind is socket.SOCK_STREAM:
            made.listen(128)
    except OSError as error:
        made.close()
        raise OSError(error.errno, f"cannot listen at {address} port {port}: {error.strerror}") from error
    return made
