"""The name server without its sockets: packets in, replies out.

Decides what is answered from here, what is refused, and what the world outside must be asked. A reply that suits every
client that sends the same octets is kept ready (``reply_cache``); everything else is made again each time: names in
mixed case, EDNS options, whatever comes before the cluster has been read.

Refuses: other classes than IN, zone transfers over UDP, EDNS versions other than 0 (RFC 6891), and cookies, which are
not returned: the server is meant for clients of its own cluster, where source addresses cannot be forged.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.autopath import is_first_step
from fairlead.clusterdns.encoder import TCP_MAX, UDP_CAP, Limits, encode, encode_error, udp_limits
from fairlead.clusterdns.names import to_text
from fairlead.clusterdns.query import FIXED, HEADER, IN, TC, Ignored, Query, Refusal, parse_query
from fairlead.clusterdns.records import Answer, Rcode, RRset, RRType
from fairlead.clusterdns.reply_cache import Kind, Prepared, PreparedReplies, bucket
from fairlead.clusterdns.transfer import transfer

# Records that are not all of one size, or not all sent, are seen in as many orders as fit into this many octets, or in
# the fewest.
ORDERS_OCTETS, FEWEST_ORDERS = 65536, 8
POINTER_SIZE = 2  # octets of the owner of each record, which is the question's name (RFC 1035 section 4.1.4)
_TRANSFERS = (RRType.AXFR, RRType.IXFR)
DROPPED_ZONE = "dropped"  # upstream's zone label for what no zone answered


class Elsewhere(NamedTuple):
    """A query that the world outside must complete: its records for ``answer.outside`` go behind the answer's own."""

    query: Query
    answer: Answer
    limits: Limits


class WholeZone(NamedTuple):
    """A query for a zone transfer, for the listener to grant or refuse: only it knows who asks."""

    query: Query


class SearchStep(NamedTuple):
    """A name that does not exist, but may be the first step of a search; only the listener knows whose."""

    query: Query
    denial: Answer
    limits: Limits


Reply = bytes | Elsewhere | WholeZone | SearchStep | None


class Responder:
    """Replies for one listening socket.

    Attributes:
        ignored: packets that got no reply.
        faults: packets that ended in an exception, which is a mistake of ours.

    Args:
        cap: the largest UDP reply in octets, whatever the client takes; None for TCP.
        keep: whether to keep replies ready; without, every packet comes through ``respond``.
    """

    def __init__(self, authority: Authority, cap: int | None = UDP_CAP, keep: bool = True) -> None:
        self.prepared = PreparedReplies(self._retire)
        self.ignored = 0
        self.faults = 0
        self._counts: Counter[Kind] = Counter()
        self._authority = authority
        self._cap = cap
        self._keeps = keep
        self._turn = 0  # of the replies that are not prepared
        authority.attach(self.prepared.forget)

    def respond(self, packet: bytes) -> Reply:
        """The reply to a packet that is not among the young prepared replies; None when it deserves none."""
        prepared = self.prepared.revive(packet[2:])
        if prepared is not None:
            prepared.hits += 1
            return packet[:2] + (prepared.body if prepared.turns is None else next(prepared.turns))
        try:
            query = parse_query(packet)
        except Ignored:
            self.ignored += 1
            return None
        except Refusal as refusal:
            self._counts[Kind(0, refusal.rcode, DROPPED_ZONE, bucket(len(packet)), bucket(len(refusal.reply)))] += 1
            return refusal.reply
        return self._reply(packet, query)

    def reconfigure(self, cap: int, keep: bool) -> None:
        """Other choices from now on; what was kept ready was made with the old ones."""
        self._cap = cap if self._cap is not None else None
        self._keeps = keep
        self.prepared.clear()

    def refuse(self, query: Query, rcode: Rcode) -> bytes:
        """A reply that says only that it went wrong, counted."""
        reply = encode_error(query, rcode, self.limits(query))
        self.count(query, rcode, DROPPED_ZONE, reply)
        return reply

    def transfer(self, query: Query, known_serial: int | None) -> Iterator[bytes]:
        """The messages of a transfer that the listener has granted."""
        zone = self._authority.zone
        for message in transfer(query, self._authority.snapshot, zone, known_serial):
            self.count(query, Rcode.NOERROR, to_text(zone.origin), message)
            yield message

    def _may_transfer(self, query: Query) -> bool:
        """Whether there is something to transfer, over a connection that can carry it."""
        return self._cap is None and self._authority.synced and query.question.name == self._authority.zone.origin

    def count(self, query: Query, rcode: Rcode, zone: str, reply: bytes) -> None:
        """Count a reply that was made for one query alone."""
        self._counts[_kind(query, rcode, zone, reply)] += 1

    def tally(self) -> Counter[Kind]:
        """All replies so far by kind, prepared ones included."""
        total = self._counts.copy()
        for prepared in self.prepared:
            total[prepared.kind] += prepared.hits
        return total

    def limits(self, query: Query) -> Limits:
        """How large the reply to a query may be on this socket."""
        return Limits(TCP_MAX) if self._cap is None else udp_limits(query, self._cap)

    def _reply(self, packet: bytes, query: Query) -> Reply:
        limits = self.limits(query)
        error = _error_of(query)
        if error is not None:
            return self.refuse(query, error)
        if query.question.qtype in _TRANSFERS:
            return WholeZone(query) if self._may_transfer(query) else self.refuse(query, Rcode.REFUSED)
        answer = self._authority.answer(query.question)
        if answer.outside is not None:
            return Elsewhere(query, answer, limits)
        if answer.rcode is Rcode.NXDOMAIN and is_first_step(query.question, self._authority.zone):
            return SearchStep(query, answer, limits)
        zone = DROPPED_ZONE if answer.zone is None else to_text(answer.zone)
        if self._keeps and query.plain and self._authority.synced:
            return self._keep(packet, query, answer, zone)
        self._turn += 1
        reply = encode(query, answer, limits, self._turn)
        self.count(query, answer.rcode, zone, reply)
        return reply

    def _keep(self, packet: bytes, query: Query, answer: Answer, zone: str) -> bytes:
        # Another order each time that a reply is made, too: where changes are many, few replies live for long.
        self._turn += 1
        turns = _turns(query, answer, self.limits(query), self._turn)
        reply = packet[:2] + next(turns)
        kind = _kind(query, answer.rcode, zone, reply)
        prepared = Prepared(reply[2:], kind, answer.depends, turns if _has_orders(answer) else None)
        prepared.hits = 1
        self.prepared.put(packet[2:], prepared)
        return reply

    def _retire(self, prepared: Prepared) -> None:
        self._counts[prepared.kind] += prepared.hits


def _error_of(query: Query) -> Rcode | None:
    """Why a well-formed query gets an error all the same."""
    if query.edns and query.edns.version:
        return Rcode.BADVERS
    return Rcode.REFUSED if query.qclass != IN else None


def _has_orders(answer: Answer) -> bool:
    return any(len(rrset.data) > 1 for rrset in answer.answer)


def _turns(query: Query, answer: Answer, limits: Limits, first: int) -> Iterator[bytes]:
    """The reply without its id, for ever: each time another record is the first, from number ``first`` on."""
    body = encode(query, answer, limits, first)[2:]
    match answer.answer:
        case (RRset(rtype=RRType.A | RRType.AAAA, data=addresses),) if not _is_truncated(body):
            start = HEADER.size - 2 + len(query.asked)
            return _rotations(body, start, POINTER_SIZE + FIXED.size + len(addresses[0]), len(addresses))
        case _:
            orders = max(FEWEST_ORDERS, ORDERS_OCTETS // len(body))
            return _few_turns(query, answer, limits, first, orders)


def _rotations(body: bytes, start: int, size: int, count: int) -> Iterator[bytes]:
    """A body whose ``count`` records from ``start`` on are of one size, in every rotation: as many as addresses, since
    many clients take the first one."""
    end = start + size * count
    head, records, tail = body[:start], body[start:end], body[end:]
    while True:
        for at in range(0, len(records), size):
            yield head + records[at:] + records[:at] + tail


def _few_turns(query: Query, answer: Answer, limits: Limits, first: int, most: int) -> Iterator[bytes]:
    largest = max((len(rrset.data) for rrset in answer.answer), default=1)
    orders = min(most, largest)
    made = []
    for turn in range(orders):
        made.append(encode(query, answer, limits, first + turn * largest // orders)[2:])
        yield made[-1]
    while True:
        yield from made


def _is_truncated(body: bytes) -> bool:
    return bool(body[0] & TC >> 8)


def _kind(query: Query, rcode: Rcode, zone: str, reply: bytes) -> Kind:
    asked = HEADER.size + len(query.asked)
    _, flags, _, records, _, _ = HEADER.unpack_from(reply)
    dnssec_ok = query.edns is not None and query.edns.dnssec_ok
    sizes = bucket(asked), bucket(len(reply))
    return Kind(query.question.qtype, rcode, zone, *sizes, bool(flags & TC), dnssec_ok, records)
