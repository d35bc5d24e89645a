"""DNS over UDP: the hot path of the whole server.

Datagrams are taken and replied to in batches, and each costs a dictionary look-up and a copy. A readiness event drains
the socket, but for ``ROUNDS`` batches at most, so that nothing else starves.
"""

import asyncio
import socket
from time import perf_counter

from fairlead.clusterdns.responder import Pending, Responder, WholeZone
from fairlead.drivers.dns import datagram_batch
from fairlead.drivers.dns.datagram_batch import REPLY_LENGTH_FIRST, REPLY_LENGTH_STRIDE, SLOT, DatagramBatch
from fairlead.drivers.dns.durations import Durations
from fairlead.drivers.dns.listener import Services

ID = 2  # octets of the id that a message begins with
ROUNDS = 4  # batches taken per readiness event
RECEIVE_BUFFER = 4 * 1024 * 1024  # octets the kernel may hold while the loop is busy elsewhere


class UdpListener:
    """One bound UDP socket."""

    def __init__(self, bound: socket.socket, responder: Responder, services: Services) -> None:
        self.responder = responder
        self.address, self.port = bound.getsockname()[:2]
        self.lost = 0  # late replies that the kernel would not take
        self.durations = Durations()
        self._socket = bound
        self.services = services
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
        slots, reply_lengths = batch.slots, batch.reply_lengths
        # A reply takes the place of its query: the id in front of it is there already.
        unsent, at, length_at = 0, ID, REPLY_LENGTH_FIRST
        for slot, length in enumerate(batch.lengths(count)):
            prepared = ready(slots[at : at - ID + length].tobytes())
            if prepared is not None:
                prepared.hits += 1
                body = prepared.body if prepared.turns is None else next(prepared.turns)
            else:
                body = self._slow(slots[at - ID : at - ID + length].tobytes(), slot)
            if body:
                size = len(body)
                slots[at : at + size] = body
                reply_lengths[length_at] = ID + size
            else:
                batch.reply(unsent, slot)
                unsent = slot + 1
            at += SLOT
            length_at += REPLY_LENGTH_STRIDE
        batch.reply(unsent, count)

    def _slow(self, packet: bytes, slot: int) -> bytes:
        """The reply to a datagram without its id; empty when there is none, or when it comes later."""
        reply = self.services.respond(packet, self.responder, self.batch.client(slot))
        assert not isinstance(reply, WholeZone), "transfers are over TCP"
        if isinstance(reply, Pending):
            task = asyncio.get_running_loop().create_task(self._fetch(reply, self.batch.source(slot)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return b""
        return reply[ID:] if reply is not None else b""

    async def _fetch(self, pending: Pending, source: list[tuple[int, int, bytes]]) -> None:
        reply = await self.services.later(pending, self.responder)
        if reply is None:
            return
        try:
            self._socket.sendmsg([reply], source, 0, pending.client)
        except OSError:
            self.lost += 1
