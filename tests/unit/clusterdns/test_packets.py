"""Random octets: no crash, no reply larger than allowed, and only replies that another implementation can read.

``FAIRLEAD_FUZZ_PACKETS`` sets how many packets are tried; the suite tries a few thousand.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

import dns.message
import dns.rcode

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.chain import Ask
from fairlead.clusterdns.plugins.autopath import Autopath
from fairlead.clusterdns.plugins.forward import Forward
from fairlead.clusterdns.records import Answer, Origin, Rcode, Reason
from fairlead.clusterdns.reply_cache import GENERATION
from fairlead.clusterdns.responder import DnsClient, Pending, Responder, WholeZone
from fairlead.clusterdns.server_blocks import ServerBlocks
from fairlead.clusterdns.upstreams import Upstream, UpstreamServer
from fairlead.clusterdns.zone import Outside
from tests.support.dns_cases import SUFFIX, ZONE, filled, pod
from tests.support.dns_servers import block_over

PACKETS = int(os.environ.get("FAIRLEAD_FUZZ_PACKETS", "4000"))
SEED = 20261123

NAMES = [f"{name}.{SUFFIX}" for name in ("svc1", "hdls", "big", "_http._tcp.two", "ext2svc", "nope")]
NAMES += [
    f"{name}.{SUFFIX}" for name in ("us-a.pin._zone.hdls", "x.prefer._zone.hdls", "www.example.com", "svc1.testns")
]
NAMES += ["hdls.testns.svc.clusterset.local.", "dup.cluster1.hdls.testns.svc.clusterset.local.", "clusterset.local."]
NAMES += ["cluster.local.", "1.0.0.10.in-addr.arpa.", "0.10.in-addr.arpa.", "example.com.", "."]
TYPES = ["A", "AAAA", "SRV", "PTR", "SOA", "NS", "TXT", "ANY", "AXFR", "IXFR", "OPT"]
CLIENT = "10.244.0.9"
SAID = [Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.SERVFAIL, Rcode(23)]
IN_A_SET = {"clusterset": ("clusterset", "local")}


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


def replies_to(packet: bytes, responder: Responder, chance: random.Random) -> Iterator[bytes]:
    """What a listener would send, when the world outside says one thing or another."""
    reply = responder.respond(packet, DnsClient(CLIENT))
    match reply:
        case bytes():
            yield reply
        case WholeZone():
            yield from responder.transfer(reply, None)
        case Pending(run=run):
            step = run.step
            while isinstance(step, Ask):
                step = run.resume(Answer(chance.choice(SAID), Origin(Reason.UPSTREAM)))
            found = responder.finish(reply, step)
            assert found is not None
            yield found


def test_any_packet_gets_a_readable_reply_or_none():
    """The same packet goes to a datagram socket and, now and then, to a connection; all options are on."""
    chance = random.Random(SEED)
    zone = replace(ZONE, outside=Outside.FORWARD, zonal=True, **IN_A_SET)
    authority = filled(Authority(zone))
    authority.change(None, pod("client", CLIENT), 0)
    authority.finish_sync(0)
    forward = Forward(((),), Upstream((UpstreamServer("192.0.2.1"),)))
    grants = (ip_network("10.0.0.0/8"),)
    block = block_over(zone, Autopath((zone,)), behind=(forward,), transfer_to=grants)
    blocks = ServerBlocks((block,), authority)
    sockets = [(Responder(blocks, 1232), 1232), (Responder(blocks, None), 65535)]
    packet, seen = b"", Counter()
    for number in range(PACKETS):
        packet = mutated(seeds(chance) if number % 4 == 0 else packet, chance) or b"\0"
        responder, limit = sockets[number % 16 == 0]
        replies = list(replies_to(packet, responder, chance))
        for reply in replies:
            check(packet, reply, limit)
        seen["none" if not replies else dns.rcode.to_text(replies[0][3] & 0xF)] += 1
    assert all(len(responder.prepared) <= 2 * GENERATION for responder, _ in sockets)
    print(dict(seen), "kept ready:", [len(responder.prepared) for responder, _ in sockets])
