"""Any octets at all: no crash, no reply larger than allowed, and only replies that another implementation can read.

``FAIRLEAD_FUZZ_PACKETS`` sets how many packets are tried; the suite tries a few thousand.
"""

import os
import random

import dns.message
import dns.rdatatype

from fairlead.clusterdns.responder import Elsewhere, Responder, WholeZone
from tests.dns_cases import CLUSTER, SUFFIX
from tests.unit.test_dns_responder import authority_over

PACKETS = int(os.environ.get("FAIRLEAD_FUZZ_PACKETS", "4000"))
SEED = 20261123

NAMES = [f"{name}.{SUFFIX}" for name in ("svc1", "hdls", "big", "_http._tcp.two", "ext2svc", "nope")]
NAMES += ["cluster.local.", "1.0.0.10.in-addr.arpa.", "0.10.in-addr.arpa.", "example.com.", "."]
TYPES = ["A", "AAAA", "SRV", "PTR", "SOA", "NS", "TXT", "ANY", "AXFR", "OPT"]


def seeds(chance: random.Random) -> bytes:
    """A query that is well-formed, more or less."""
    options = chance.choice([{}, {"use_edns": 0, "payload": chance.choice([0, 512, 1232, 65535])}, {"use_edns": 3}])
    query = dns.message.make_query(chance.choice(NAMES), chance.choice(TYPES), **options)
    return query.to_wire()


def mutated(packet: bytes, chance: random.Random) -> bytes:
    """The packet with some octets flipped, cut off, doubled or added."""
    octets = bytearray(packet)
    for _ in range(chance.randrange(5)):
        position = chance.randrange(len(octets))
        octets[position] = chance.choice([0, 1, 0x3F, 0x40, 0xC0, 0xFF, chance.randrange(256)])
    shape = chance.randrange(8)
    if shape == 0:
        del octets[chance.randrange(len(octets)) :]
    if shape == 1:
        octets += chance.randbytes(chance.randrange(40))
    return bytes(octets)


def check(packet: bytes, reply: bytes, limit: int) -> None:
    assert len(reply) <= limit
    assert reply[:2] == packet[:2]
    assert reply[2] & 0x80, "a reply that says it is a query"
    dns.message.from_wire(reply)


def test_any_packet_gets_a_readable_reply_or_none():
    chance = random.Random(SEED)
    authority = authority_over(*CLUSTER)
    sockets = [(Responder(authority, 1232), 1232), (Responder(authority, None), 65535)]
    for number in range(PACKETS):
        packet = mutated(seeds(chance) if number % 4 == 0 else packet, chance) or b"\0"  # noqa: F821
        responder, limit = sockets[number % 16 == 0]
        reply = responder.respond(packet)
        if isinstance(reply, bytes):
            check(packet, reply, limit)
        else:
            assert reply is None or isinstance(reply, Elsewhere | WholeZone)
