"""Encodes an answer as a message: compression, truncation by whole records, EDNS.

Owner names equal to the question are pointers to it, so the client gets back exactly the case that it sent (0x20); the
zone part of an SRV target, which must not be compressed (RFC 2782), is spelled as the question spelled it. What does
not fit is dropped from the end, record by record: additional records silently, all others with TC set (RFC 2181
section 9). The first records to be sent can be rotated, so that each client prefers another and, when not all fit, sees
another part.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from fairlead.clusterdns.names import Name, is_within
from fairlead.clusterdns.query import AA, AD, CD, DO, FIXED, HEADER, NSID, QR, RA, RD, TC, Query
from fairlead.clusterdns.records import Answer, Data, Exchange, NameTarget, Rcode, RRset, RRType, Soa, Srv, Text

TCP_MAX = 65535  # octets, the two-octet length before each message (RFC 1035 section 4.2.2)
UDP_CAP = 1232  # octets that pass every path unfragmented (DNS flag day 2020)

# Types whose records a client may take in any order. Others keep theirs: of the names of an address, programs that ask
# for their own take the first (Erlang's distribution), and it must always be the same.
TURNED = frozenset((RRType.A, RRType.AAAA, RRType.MX, RRType.SRV))

_POINTER_REACH = 0x3FFF  # RFC 1035 section 4.1.4: 14 bits of offset
_SRV = struct.Struct("!3H")
_SOA = struct.Struct("!5I")
_OPTION = struct.Struct("!HH")


class ReplyLimits(NamedTuple):
    """How large a reply may be: ``octets`` in all; ``advertised`` is the size that the server's OPT offers."""

    octets: int
    advertised: int = UDP_CAP


def udp_limits(query: Query, cap: int) -> ReplyLimits:
    """The maximum size of a reply to this client: 512 octets without EDNS, otherwise the client's size, up to the
    server's cap."""
    return ReplyLimits(min(query.edns.size, cap) if query.edns else 512, cap)


def encode(query: Query, answer: Answer, limits: ReplyLimits, rotation: int = 0) -> bytes:
    """The reply to a query, at most ``limits.octets`` long; ``rotation`` records of each set move to its end."""
    rcode = _sendable(answer.rcode, query)
    opt = opt_record(query, rcode, limits, answer.options)
    message = _Message(query, answer.zone or (), limits.octets - len(opt))
    rotations = (0 if answer.steady else rotation, 0)
    counts = [0, 0, 0]
    whole = True
    for index, section in enumerate((answer.answer, answer.authority)):
        for rrset in section:
            if whole:
                written = message.put(rrset, rotations[index])
                counts[index] += written
                whole = written == len(rrset.data)
    if whole:
        counts[2] = message.put_all(answer.additional)
    return message.finished(_flags(query, answer, whole) | rcode & 0xF, counts, opt)


def encode_error(query: Query, rcode: Rcode, limits: ReplyLimits) -> bytes:
    """A reply that repeats the question and reports only an error."""
    flags = QR | query.flags & (RD | CD) | rcode & 0xF
    return _Message(query, (), limits.octets).finished(flags, [0, 0, 0], opt_record(query, rcode, limits))


def opt_record(query: Query, rcode: Rcode, limits: ReplyLimits, options: tuple[tuple[int, bytes], ...] = ()) -> bytes:
    """The server's OPT record as octets, for a client that sent one; cookies are not returned, and the server's name
    (NSID) only when it is asked for."""
    if query.edns is None:
        return b""
    ttl = (rcode >> 4) << 24 | (DO if query.edns.dnssec_ok else 0)
    sent = (option for option in options if option[0] != NSID or query.edns.wants_nsid)
    data = b"".join(_OPTION.pack(code, len(octets)) + octets for code, octets in sent)
    return b"\0" + FIXED.pack(RRType.OPT, limits.advertised, ttl, len(data)) + data


def _sendable(rcode: Rcode, query: Query) -> Rcode:
    """The upper bits of a response code travel in the OPT record; without one they must not be lost, because the
    remaining bits can mean success (RFC 6891 section 6.1.3)."""
    return Rcode.SERVFAIL if rcode > 0xF and query.edns is None else rcode


def _flags(query: Query, answer: Answer, whole: bool) -> int:
    flags = QR | query.flags & (RD | CD) | (RA if answer.zone is None else AA)
    if answer.truncated or not whole:
        flags |= TC
    if answer.authentic and (query.flags & AD or (query.edns and query.edns.dnssec_ok)):
        flags |= AD  # only to clients that understand it (RFC 6840 section 5.8)
    return (flags | answer.set_flags) & ~answer.clear_flags


class _Message:
    """A reply under construction."""

    def __init__(self, query: Query, zone: Name, room: int) -> None:
        self._out = bytearray(HEADER.size) + query.asked
        self._ident = query.ident
        self._room = room
        self._offsets: dict[Name, int] = {}
        self._register(query.question.name, HEADER.size)
        self._zone = zone
        self._zone_as_asked = bytes(self._out[self._offsets[zone] : -4]) if zone in self._offsets else b""

    def put(self, rrset: RRset, rotation: int = 0) -> int:
        """Append the records that fit, and say how many did."""
        count = len(rrset.data)
        start = rotation % count if count > 1 and rrset.rtype in TURNED else 0
        data = rrset.data[start:] + rrset.data[:start] if start else rrset.data
        if rrset.rtype in (RRType.A, RRType.AAAA):
            return self._put_addresses(rrset, data)
        return self._put_each(rrset, data)

    def put_all(self, rrsets: Iterable[RRset]) -> int:
        """Append sets until one does not fit whole."""
        written = 0
        for rrset in rrsets:
            fitted = self.put(rrset)
            written += fitted
            if fitted < len(rrset.data):
                break
        return written

    def finished(self, flags: int, counts: list[int], opt: bytes) -> bytes:
        """The octets, header and OPT record included."""
        HEADER.pack_into(self._out, 0, self._ident, flags, 1, counts[0], counts[1], counts[2] + bool(opt))
        return bytes(self._out + opt)

    def _put_addresses(self, rrset: RRset, data: tuple[Data, ...]) -> int:
        """Addresses of one owner are alike but for their last octets: joined, not built one by one."""
        size = 4 if rrset.rtype == RRType.A else 16
        tail = FIXED.pack(rrset.rtype, 1, rrset.ttl, size)
        first = self._name(rrset.owner) + tail
        if len(self._out) + len(first) + size > self._room:
            return 0
        start = len(self._out)
        self._out += first + _octets(data[0])
        self._register(rrset.owner, start)
        next_ = self._name(rrset.owner) + tail
        rest = data[1 : 1 + (self._room - len(self._out)) // (len(next_) + size)]
        self._out += b"".join([next_ + _octets(address) for address in rest])
        return 1 + len(rest)

    def _put_each(self, rrset: RRset, data: tuple[Data, ...]) -> int:
        for index, item in enumerate(data):
            start = len(self._out)
            owner = self._name(rrset.owner)
            self._out += owner + FIXED.pack(rrset.rtype, rrset.rclass, rrset.ttl, 0)
            body = len(self._out)
            self._put_data(item)
            if len(self._out) > self._room:
                # What was registered beyond the cut is never used: nothing is written after the first cut.
                del self._out[start:]
                return index
            struct.pack_into("!H", self._out, body - 2, len(self._out) - body)
            self._register(rrset.owner, start)
        return len(data)

    def _put_data(self, data: Data) -> None:
        match data:
            case Srv():
                self._out += _SRV.pack(data.priority, data.weight, data.port)
                start = len(self._out)
                self._out += self._spelled(data.target)
                self._register(data.target, start)
            case NameTarget(name):
                self._put_name(name)
            case Exchange(preference, name):
                self._out += preference.to_bytes(2, "big")
                self._put_name(name)
            case Soa():
                self._put_name(data.mname)
                self._put_name(data.rname)
                self._out += _SOA.pack(*data[2:])
            case Text(text):
                self._out += bytes((len(text),)) + text.encode("latin-1")
            case bytes():
                self._out += data

    def _put_name(self, name: Name) -> None:
        start = len(self._out)
        self._out += self._name(name)
        self._register(name, start)

    def _name(self, name: Name) -> bytes:
        """A name with the longest known suffix as a pointer."""
        head = b""
        for index in range(len(name)):
            offset = self._offsets.get(name[index:])
            if offset is not None:
                return head + (0xC000 | offset).to_bytes(2, "big")
            head += _label(name[index])
        return head + b"\0"

    def _spelled(self, name: Name) -> bytes:
        """A name in full, the zone at its end in the case that the question used for it."""
        if not self._zone_as_asked or not is_within(name, self._zone):
            return b"".join(map(_label, name)) + b"\0"
        return b"".join(map(_label, name[: -len(self._zone)])) + self._zone_as_asked

    def _register(self, name: Name, position: int) -> None:
        """Remember where each suffix of a name begins, up to the first known one."""
        for index in range(len(name)):
            if name[index:] in self._offsets or position > _POINTER_REACH:
                return
            self._offsets[name[index:]] = position
            position += 1 + len(name[index])


def _label(label: str) -> bytes:
    return bytes((len(label),)) + label.encode("latin-1")


def _octets(data: Data) -> bytes:
    assert isinstance(data, bytes)
    return data
