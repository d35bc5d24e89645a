"""The name server without its sockets: packets in, replies out.

Decides which queries are answered at once, refused, or wait for upstream servers. A reply that suits every client that
sends the same octets is prepared (``reply_cache``). All others are built each time: names in mixed case, EDNS options,
replies for one client only, and all replies before the cluster has been read.

Refuses: zone transfers over UDP, EDNS versions other than 0 (RFC 6891), and cookies, which are not returned: the server
is meant for clients of its own cluster, where source addresses cannot be forged.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from fairlead.clusterdns.chain import Ask, DnsRequest, Run
from fairlead.clusterdns.encoder import TCP_MAX, TURNED, UDP_CAP, ReplyLimits, encode, encode_error, udp_limits
from fairlead.clusterdns.names import to_text
from fairlead.clusterdns.query import CD, FIXED, HEADER, TC, IgnoredPacket, Query, Refusal, parse_query
from fairlead.clusterdns.records import MOMENTARY, Answer, Rcode, Reason, RRset, RRType
from fairlead.clusterdns.reply_cache import Prepared, PreparedReplies, ReplyKind, bucket
from fairlead.clusterdns.server_blocks import Block, ServerBlocks
from fairlead.clusterdns.transfer import TransferSource, source_of, transfer

# Records that are not all of one size, or not all sent, are seen in as many orders as fit into this many octets, or in
# the fewest.
ORDERS_OCTETS, FEWEST_ORDERS = 65536, 8
POINTER_SIZE = 2  # octets of the owner of each record, which is the question's name (RFC 1035 section 4.1.4)
SCATTER = 2654435761  # an odd number, so that what is drawn by the turns of replies does not come in runs
NOTED_MAX = 1000  # replies noted and not yet told of
_TRANSFERS = (RRType.AXFR, RRType.IXFR)
DROPPED_ZONE = "dropped"  # upstream's zone label for replies of no zone
FORWARDED_ZONE = "."  # zone label for answers of upstream servers


class DnsClient(NamedTuple):
    """The client."""

    address: str
    port: int = 0


NOBODY = DnsClient("")


class Pending(NamedTuple):
    """A query that waits for upstream servers."""

    query: Query
    run: Run
    block: Block
    limits: ReplyLimits
    client: DnsClient


class WholeZone(NamedTuple):
    """A query for a zone transfer that its client may have."""

    query: Query
    source: TransferSource


class Noted(NamedTuple):
    """A reply that its block logs."""

    query: Query
    answer: Answer
    block: Block
    client: DnsClient
    reply: bytes
    proto: str


Reply = bytes | Pending | WholeZone | None


class Responder:
    """Replies for one listening socket.

    Attributes:
        ignored: packets that got no reply.
        faults: packets that ended in an exception, which is a bug.
        searches: replies that ended a Pod's search.
        noted: replies to be logged, which the driver collects.
        has_momentary: whether there are prepared replies that ``forget_momentary`` must drop.

    Args:
        cap: the largest UDP reply in octets, whatever the client accepts; None for TCP.
    """

    def __init__(self, server: ServerBlocks, cap: int | None = UDP_CAP) -> None:
        self.prepared = PreparedReplies(self._retire)
        self.ignored = self.faults = self.searches = 0
        self.has_momentary = False
        self.noted: list[Noted] = []
        self._counts: Counter[ReplyKind] = Counter()
        self._server = server
        self._cap = cap
        self._turn = 0  # of the replies that are not prepared
        server.authority.attach(self.prepared.forget)

    def respond(self, packet: bytes, client: DnsClient = NOBODY) -> Reply:
        """The reply to a packet without a young prepared reply; None if it gets no reply."""
        prepared = self.prepared.revive(packet[2:])
        if prepared is not None:
            prepared.hits += 1
            return packet[:2] + (prepared.body if prepared.turns is None else next(prepared.turns))
        try:
            query = parse_query(packet)
        except IgnoredPacket:
            self.ignored += 1
            return None
        except Refusal as refusal:
            self._counts[
                ReplyKind(0, refusal.rcode, DROPPED_ZONE, bucket(len(packet)), bucket(len(refusal.reply)))
            ] += 1
            return refusal.reply
        return self._reply(packet, query, client)

    @property
    def is_stream(self) -> bool:
        """Whether replies go over TCP, and are of any size."""
        return self._cap is None

    def reconfigure(self, server: ServerBlocks, cap: int) -> None:
        """Use other settings from now on; prepared replies, which were built with the old ones, are dropped."""
        self._server = server
        self._cap = cap if self._cap is not None else None
        self.prepared.clear()

    def refuse(self, query: Query, rcode: Rcode) -> bytes:
        """A reply that reports only an error; it is counted."""
        reply = encode_error(query, rcode, self._limits(query, None))
        self._count(query, rcode, DROPPED_ZONE, reply)
        return reply

    def finish(self, pending: Pending, answer: Answer) -> bytes | None:
        """The reply to a query that has been waiting."""
        return self._finish_reply(pending.query, answer, pending)

    def suits_a_moment(self, pending: Pending, answer: Answer) -> bool:
        """Whether a reply built from upstream answers can be sent again within a second."""
        sets = (*answer.answer, *answer.authority)
        return bool(sets) and self._may_keep(pending.query, answer, pending.block) and all(s.ttl > 1 for s in sets)

    def finish_for_a_moment(
        self, packet: bytes, pending: Pending, answer: Answer, counts: tuple[Callable[[int], None], ...]
    ) -> bytes:
        """The reply, prepared until ``forget_momentary``; ``counts`` then receive how often it was sent again."""
        self.has_momentary = True
        brief = answer._replace(depends=answer.depends | {MOMENTARY})
        return self._keep(packet, pending.query, brief, pending.limits, counts)

    def forget_momentary(self) -> None:
        """Drop the replies that were prepared for a second."""
        self.has_momentary = False
        self.prepared.forget((MOMENTARY,))

    def transfer(self, whole: WholeZone, known_serial: int | None) -> Iterator[bytes]:
        """The messages of a transfer."""
        for message in transfer(whole.query, whole.source, known_serial):
            self._count(whole.query, Rcode.NOERROR, to_text(whole.query.question.name), message)
            yield message

    def tally(self) -> Counter[ReplyKind]:
        """All replies so far by kind, prepared ones included."""
        total = self._counts.copy()
        for prepared in self.prepared:
            total[prepared.kind] += prepared.hits
        return total

    def _count(self, query: Query, rcode: Rcode, zone: str, reply: bytes) -> None:
        self._counts[_kind(query, rcode, zone, reply)] += 1

    def _limits(self, query: Query, block: Block | None) -> ReplyLimits:
        """How large the reply to a query may be on this socket."""
        if self._cap is None:
            return ReplyLimits(TCP_MAX)
        return udp_limits(query, block.udp_size if block is not None and block.udp_size else self._cap)

    def _reply(self, packet: bytes, query: Query, client: DnsClient) -> Reply:
        if query.edns and query.edns.version:
            return self.refuse(query, Rcode.BADVERS)
        if query.question.qtype in _TRANSFERS:
            return self._whole_zone(query, client) or self.refuse(query, Rcode.REFUSED)
        self._turn += 1
        served = self._server.find(query.question.name)
        run = Run(served.lookup(self._request(query, client)))
        pending = Pending(query, run, served.block, self._limits(query, served.block), client)
        if isinstance(run.step, Ask):
            return pending
        if self._may_keep(query, run.step, served.block):
            return self._keep(packet, query, run.step, pending.limits)
        return self._finish_reply(query, run.step, pending)

    def _request(self, query: Query, client: DnsClient) -> DnsRequest:
        return DnsRequest(
            query.question,
            self._server,
            client.address,
            "tcp" if self._cap is None else "udp",
            query.qclass,
            query.edns is not None and query.edns.dnssec_ok,
            bool(query.flags & CD),
            self._turn * SCATTER & 0xFFFFFFFF,
        )

    def _may_keep(self, query: Query, answer: Answer, block: Block) -> bool:
        """Whether a reply suits every client at any time until a change, and is not logged."""
        alike = query.plain and self._server.authority.synced and not (answer.private or answer.options)
        return alike and not (answer.failure or block.logs)

    def _whole_zone(self, query: Query, client: DnsClient) -> WholeZone | None:
        """The transfer that the client may have, if the connection can carry it."""
        if self._cap is not None or not self._server.authority.synced:
            return None
        source = source_of(query.question.name, client.address, self._server)
        return None if source is None else WholeZone(query, source)

    def _finish_reply(self, query: Query, answer: Answer, pending: Pending) -> bytes | None:
        """A reply for one query alone, counted, and noted when its block wants that."""
        if answer.dropped:
            self.ignored += 1
            return None
        self.searches += answer.origin.reason is Reason.SEARCH
        reply = encode(query, answer, pending.limits, self._turn)
        self._count(query, answer.rcode, _zone_label(answer), reply)
        if (pending.block.logs or (pending.block.errors and answer.failure)) and len(self.noted) < NOTED_MAX:
            proto = "tcp" if self._cap is None else "udp"
            self.noted.append(Noted(query, answer, pending.block, pending.client, reply, proto))
        return reply

    def _keep(
        self,
        packet: bytes,
        query: Query,
        answer: Answer,
        limits: ReplyLimits,
        counts: tuple[Callable[[int], None], ...] = (),
    ) -> bytes:
        # The order also changes each time that a reply is built: with many changes, prepared replies do not last long.
        turns = _turns(query, answer, limits, self._turn)
        reply = packet[:2] + next(turns)
        kind = _kind(query, answer.rcode, _zone_label(answer), reply)
        prepared = Prepared(reply[2:], kind, answer.depends, turns if _has_orders(answer) else None, counts)
        prepared.hits = 1
        self.prepared.put(packet[2:], prepared)
        return reply

    def _retire(self, prepared: Prepared) -> None:
        self._counts[prepared.kind] += prepared.hits
        for count in prepared.counts:
            count(prepared.hits - 1)


def _zone_label(answer: Answer) -> str:
    if answer.zone is not None:
        return to_text(answer.zone)
    return FORWARDED_ZONE if answer.origin.reason is Reason.UPSTREAM else DROPPED_ZONE


def _has_orders(answer: Answer) -> bool:
    return not answer.steady and any(len(rrset.data) > 1 and rrset.rtype in TURNED for rrset in answer.answer)


def _turns(query: Query, answer: Answer, limits: ReplyLimits, first: int) -> Iterator[bytes]:
    """An endless iterator of the reply without its id: each begins with another record, from number ``first`` on."""
    body = encode(query, answer, limits, first)[2:]
    if not _has_orders(answer):
        return iter((body,))
    match answer.answer:
        case (RRset(rtype=RRType.A | RRType.AAAA, data=addresses),) if not _is_truncated(body):
            start = HEADER.size - 2 + len(query.asked)
            return _rotations(body, start, POINTER_SIZE + FIXED.size + len(addresses[0]), len(addresses))
        case _:
            orders = max(FEWEST_ORDERS, ORDERS_OCTETS // len(body))
            return _few_turns(body, query, answer, limits, first, orders)


def _rotations(body: bytes, start: int, size: int, count: int) -> Iterator[bytes]:
    """A body whose ``count`` records from ``start`` on have one size, in every rotation: one for each address, because
    many clients use the first one."""
    end = start + size * count
    head, records, tail = body[:start], body[start:end], body[end:]
    while True:
        for at in range(0, len(records), size):
            yield head + records[at:] + records[:at] + tail


def _few_turns(
    body: bytes, query: Query, answer: Answer, limits: ReplyLimits, first: int, most: int
) -> Iterator[bytes]:
    """A body, and then the same records in as many other orders."""
    largest = max(len(rrset.data) for rrset in answer.answer)
    orders = min(most, largest)
    made = [body]
    yield body
    for turn in range(1, orders):
        made.append(encode(query, answer, limits, first + turn * largest // orders)[2:])
        yield made[-1]
    while True:
        yield from made


def _is_truncated(body: bytes) -> bool:
    return bool(body[0] & TC >> 8)


def _kind(query: Query, rcode: Rcode, zone: str, reply: bytes) -> ReplyKind:
    asked = HEADER.size + len(query.asked)
    _, flags, _, records, _, _ = HEADER.unpack_from(reply)
    dnssec_ok = query.edns is not None and query.edns.dnssec_ok
    sizes = bucket(asked), bucket(len(reply))
    return ReplyKind(query.question.qtype, rcode, zone, *sizes, bool(flags & TC), dnssec_ok, records)
