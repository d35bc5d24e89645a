"""One random path of a packet: as likely as the rules say, and the same for the same source."""

import random
from collections import Counter

from fairlead.dataplane import nft_rules, nft_skeleton
from fairlead.dataplane.incremental import build
from fairlead.trace.chance import Draws
from fairlead.trace.evaluate import Host, evaluate, sample
from fairlead.trace.packet import Packet
from tests.support.proxy_flows import BOTH, CLUSTER_IP, POD, POD_LINK, here, world


def host_of(made, memory=None):
    table, _ = build(made.snapshot, made.view, nft_skeleton.skeleton(made.view), nft_rules.service_part)
    return Host(frozenset(made.own_addresses), (table,), memory or {})


PACKET = Packet(POD, CLUSTER_IP, 80, "tcp", POD_LINK)


def draws(host, times=2000, packet=PACKET):
    chance = Draws(random.Random(17).randrange)
    return Counter(sample(host, packet, chance).trace.outcome.destination for _ in range(times))


def test_endpoints_are_drawn_evenly_and_only_those_that_are_possible():
    host = host_of(world((here(1), here(2), here(3))))
    found = draws(host)
    assert set(found) == {trace.outcome.destination for trace in evaluate(host, PACKET)}
    assert all(550 < count < 780 for count in found.values()), found


def test_a_client_with_affinity_keeps_what_is_noted():
    made = world(BOTH, sessionAffinity="ClientIP")
    first = sample(host_of(made), PACKET, Draws(lambda below: below - 1))
    memory = {(map_, POD): target for map_, target in first.noted.items()}
    again = sample(host_of(made, memory), PACKET, Draws(lambda below: 0))
    assert again.trace.outcome == first.trace.outcome
    assert again.noted == first.noted != {}


def test_a_packet_that_notes_nothing_says_so():
    assert sample(host_of(world(BOTH)), PACKET, Draws(lambda below: 0)).noted == {}
