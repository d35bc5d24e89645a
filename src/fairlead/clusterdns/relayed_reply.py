"""Replies of upstream servers, kept as octets and handed on with the client's id, question and remaining TTLs.

Reads only what handing on needs: where the TTLs are, how long the reply may live, whether it denies. A reply too large
for the client is not cut between records as our own are, but replaced by an empty one with TC set, which sends the
client to TCP.
"""

import struct
from typing import NamedTuple

from fairlead.clusterdns.encoder import Limits, opt_record
from fairlead.clusterdns.query import AA, CD, FIXED, HEADER, QR, RA, RD, TC, Query, skip_name
from fairlead.clusterdns.records import Rcode, RRType

_MINIMUM = 4  # octets at the end of SOA data


class Relayed(NamedTuple):
    """A reply as it came, without its OPT record.

    Attributes:
        rcode: of the header; 0 to 15.
        lifetime: seconds that it may be kept: the least TTL, or for a denial what its SOA allows (RFC 2308 section 5).
        ttls: where in ``octets`` each TTL stands.
    """

    octets: bytes
    rcode: int
    truncated: bool
    denies: bool
    lifetime: int
    ttls: tuple[int, ...]


def read_reply(octets: bytes) -> Relayed:
    """A reply without OPT record, as the driver has already checked it to be well-formed and to the question."""
    _, flags, _, answers, authorities, additionals = HEADER.unpack_from(octets)
    position = skip_name(octets, HEADER.size) + 4
    ttls, lifetimes = [], []
    for index in range(answers + authorities + additionals):
        position = skip_name(octets, position)
        rtype, _, ttl, length = FIXED.unpack_from(octets, position)
        ttls.append(position + 4)
        position += FIXED.size + length
        if index < answers:
            lifetimes.append(ttl)
        elif rtype == RRType.SOA and not answers:
            lifetimes.append(min(ttl, int.from_bytes(octets[position - _MINIMUM : position], "big")))
    rcode = flags & 0xF
    denies = rcode == Rcode.NXDOMAIN or (rcode == Rcode.NOERROR and not answers)
    return Relayed(octets, rcode, bool(flags & TC), denies, min(lifetimes, default=0), tuple(ttls))


def hand_on(relayed: Relayed, query: Query, age: int, limits: Limits, ttl: int | None = None) -> bytes:
    """The reply for one client, ``age`` seconds after it came; ``ttl`` replaces the TTLs of a reply served stale."""
    flags = QR | RA | query.flags & (RD | CD) | relayed.rcode | (TC if relayed.truncated else 0)
    opt = opt_record(query, Rcode.NOERROR, limits)
    if len(relayed.octets) + len(opt) > limits.octets:
        head = HEADER.pack(query.ident, flags | TC, 1, 0, 0, 1 if opt else 0)
        return head + query.asked + opt
    out = bytearray(relayed.octets)
    for position in relayed.ttls:
        (left,) = struct.unpack_from("!I", out, position)
        struct.pack_into("!I", out, position, max(left - age, 0) if ttl is None else ttl)
    struct.pack_into("!HH", out, 0, query.ident, flags & ~AA)
    out[HEADER.size : HEADER.size + len(query.asked)] = query.asked
    if opt:
        struct.pack_into("!H", out, 10, int.from_bytes(out[10:12], "big") + 1)
    return bytes(out + opt)
