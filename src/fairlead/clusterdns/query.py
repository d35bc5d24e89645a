"""Parses a query: the part of a DNS message that this server reads.

Decides which packets are answered at all, and with which error. Silently drops (``IgnoredPacket``) packets that are no
query: shorter than a header, or a response, so that two servers never answer each other in a loop. Any other unreadable
packet gets an error that repeats its id (RFC 1035 section 4.1, RFC 6891).
"""

import struct
from typing import NamedTuple

from fairlead.clusterdns.names import LABEL_MAX, NAME_MAX, Name
from fairlead.clusterdns.records import Question, Rcode, RRType

HEADER = struct.Struct("!6H")  # id, flags, QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT
QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
OPCODE = 0x7800
IN = 1
UDP_MIN = 512  # octets that any client takes, RFC 1035 section 4.2.1
DO = 0x8000  # in the TTL field of OPT, RFC 3225
NSID = 3  # the EDNS option of RFC 5001

FIXED = struct.Struct("!HHIH")  # type, class, TTL, RDLENGTH of a record


class IgnoredPacket(Exception):
    """A packet that gets no reply."""


class Refusal(Exception):
    """A packet that is answered with a bare error: ``reply`` is a header alone."""

    def __init__(self, packet: bytes, rcode: Rcode) -> None:
        super().__init__(rcode.name)
        ident, flags = struct.unpack_from("!HH", packet)
        self.rcode = rcode
        self.reply = HEADER.pack(ident, QR | flags & (OPCODE | RD) | rcode, 0, 0, 0, 0)


class Edns(NamedTuple):
    """The content of a client's OPT record: the largest reply, the EDNS version, whether it wants DNSSEC, and whether
    it asks for the server's name (NSID, RFC 5001)."""

    size: int
    version: int
    dnssec_ok: bool
    wants_nsid: bool = False


class Query(NamedTuple):
    """A query as received.

    Attributes:
        asked: name, type and class exactly as asked, in binary form; the reply repeats them.
        size: octets of the packet.
        plain: nothing in it is specific to one client, so the reply suits every client that sends the same octets.
    """

    ident: int
    flags: int
    asked: bytes
    question: Question
    qclass: int
    edns: Edns | None
    plain: bool
    size: int = 0


def parse_query(packet: bytes) -> Query:
    """The query in a packet.

    Raises:
        Ignored: it is no query. Refusal: it cannot be read, or asks for something that is not implemented.
    """
    if len(packet) < HEADER.size:
        raise IgnoredPacket("shorter than a header")
    ident, flags, questions, answers, authorities, additionals = HEADER.unpack_from(packet)
    if flags & QR:
        raise IgnoredPacket("a response")
    if flags & OPCODE:
        raise Refusal(packet, Rcode.NOTIMP)
    if questions != 1 or answers:
        raise Refusal(packet, Rcode.FORMERR)
    try:
        name, end = _read_name(packet)
        qtype, qclass = struct.unpack_from("!HH", packet, end)
        # Records in the authority section are IXFR's; nothing here reads them.
        edns, options = _read_edns(packet, end + 4, authorities, additionals)
    except (struct.error, IndexError, ValueError) as error:
        raise Refusal(packet, Rcode.FORMERR) from error
    asked = packet[HEADER.size : end + 4]
    plain = not options and asked[:-4] == asked[:-4].lower()
    return Query(ident, flags, asked, Question(name, qtype), qclass, edns, plain, len(packet))


def _read_name(packet: bytes) -> tuple[Name, int]:
    """The question's name, lowered, and where it ends. It is the first name, so it cannot be compressed."""
    labels = []
    position = HEADER.size
    while length := packet[position]:
        if length > LABEL_MAX:
            raise ValueError("a compressed or unknown label in a question")
        labels.append(packet[position + 1 : position + 1 + length].lower().decode("latin-1"))
        position += 1 + length
    if position + 1 - HEADER.size > NAME_MAX:
        raise ValueError("name too long")
    return tuple(labels), position + 1


def _read_edns(packet: bytes, position: int, authorities: int, additionals: int) -> tuple[Edns | None, bool]:
    """The OPT record of a query, if it has one, and whether it has client-specific content."""
    edns = None
    peculiar = authorities > 0
    for index in range(authorities + additionals):
        owner = packet[position]
        position = skip_name(packet, position)
        rtype, size, ttl, length = FIXED.unpack_from(packet, position)
        position += FIXED.size + length
        if position > len(packet):
            raise ValueError("a record longer than the packet")
        if rtype != RRType.OPT:
            peculiar = True
            continue
        if edns is not None or owner or index < authorities:
            raise ValueError("an OPT record where none may be")  # RFC 6891 section 6.1.1
        options = packet[position - length : position]
        edns = Edns(max(size, UDP_MIN), ttl >> 16 & 0xFF, bool(ttl & DO), _wants_nsid(options))
        peculiar = peculiar or length > 0
    return edns, peculiar or position != len(packet)


def _wants_nsid(options: bytes) -> bool:
    while len(options) >= 4:
        code, length = struct.unpack_from("!HH", options)
        if code == NSID:
            return True
        options = options[4 + length :]
    return False


def skip_name(packet: bytes, position: int) -> int:
    """The offset after a name, compressed or not."""
    while length := packet[position]:
        if length >= 0xC0:
            return position + 2
        position += 1 + length
    return position + 1
