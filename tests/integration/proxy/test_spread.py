"""The distribution of connections over endpoints, session affinity, and source addresses."""

import sys
import time
from collections import Counter
from itertools import pairwise, product, starmap
from math import comb
from typing import NamedTuple

import msgspec
import pytest

from tests.support.full import each_once
from tests.support.net.proxy_net import BACK_ENDS, OWN, BackEnd, both_back_ends, install, net, pair, probe
from tests.support.proxy_flows import (
    BLOCKED,
    CLUSTER_IP,
    EXTERNALLY_LOCAL,
    LB,
    NODE,
    NODE_PORT,
    OPEN,
    OTHER_NODE,
    OTHER_POD,
    OUTSIDE,
    POD,
    Flow,
    flow_in_ipv6,
    here,
    world,
)

__all__ = ["net"]  # the fixture
AT_ONCE = 48  # connections
FALSE_ALARM = 1e-7  # the chance that a fair draw is taken for an unfair one, for each count that is looked at
TWINS = {"IPv4": lambda flow: flow, "IPv6": flow_in_ipv6}
both_families = pytest.mark.parametrize("twin", TWINS.values(), ids=TWINS)
CLIENTS = [POD, OTHER_POD, OUTSIDE, BLOCKED, OTHER_NODE, NODE]
LOCAL = [f"10.180.0.{number}" for number in (1, 2, 3, 4)]


class Kind(NamedTuple):
    """Who writes the rules, and the family of all addresses."""

    back_end: BackEnd
    family: str

    def __str__(self) -> str:
        return f"{self.back_end} {self.family}"


KINDS = list(starmap(Kind, product(BACK_ENDS, TWINS)))


def to(world_, source=POD, destination=CLUSTER_IP, port=80):
    return Flow(0, "", world_, source, destination, None, port)


def bounds(trials, share):
    """The counts between which a share of the trials falls, but for the chance of ``FALSE_ALARM`` (binomial)."""
    chances = [comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(trials + 1)]

    def tail(counts):
        total = 0.0
        for count in counts:
            total += chances[count]
            if total > FALSE_ALARM / 2:
                return count
        raise AssertionError("the chances do not add up to one")

    return tail(range(trials + 1)), tail(range(trials, -1, -1))


def answering(net, flow, count=AT_ONCE):
    """Who answered each connection; a connection that failed is a word."""
    return [result if isinstance(result, str) else result[0][0] for result in probe(net, flow, count)]


class Spread(NamedTuple):
    """Connections to be shared out among so many endpoints."""

    name: str
    flow: Flow
    endpoints: int

    def __str__(self) -> str:
        return f"{self.name} {self.endpoints}"


SPREADS = [
    *(Spread("a pod, to the cluster IP", to(world([here(i) for i in range(1, n + 1)])), n) for n in (2, 3, 4)),
    Spread("outside, to the load balancer", to(OPEN, OUTSIDE, LB), 2),
    Spread("the node, to the node port", to(OPEN, NODE, NODE, NODE_PORT), 2),
]


@pytest.mark.parametrize(("spread", "kind"), each_once(SPREADS, KINDS), ids=str)
def test_connections_spread_evenly(net, spread, kind):
    """A full run has 20 cases with 54 counts in all: one in 180,000 fails for no fault of the rules."""
    flow, endpoints = TWINS[kind.family](spread.flow), spread.endpoints
    install(net, flow.world, kind.back_end.load)
    counts = Counter(answer for _ in range(10) for answer in answering(net, flow))
    low, high = bounds(10 * AT_ONCE, 1 / endpoints)
    print(f"\n{kind}: {spread} endpoints: {sorted(counts.values())}, each within {low} to {high}")
    assert sum(counts.values()) == 10 * AT_ONCE
    assert len(counts) == endpoints
    assert all(low <= count <= high for count in counts.values()), counts


def sticky_flows(net, load, seconds):
    """Six clients of either family and a Service that remembers them for so long, in the kernel."""
    config = {"clientIP": {"timeoutSeconds": seconds}}
    sticky = world([here(i) for i in (1, 2, 3, 4)], sessionAffinity="ClientIP", sessionAffinityConfig=config)
    flows = [to(sticky, client) for client in CLIENTS]
    twins = [flow_in_ipv6(flow) for flow in flows]
    install(net, flows[0].world, load)
    load(net, twins[0].world)
    return flows + twins


def kept(net, flow):
    """The one endpoint that answers all connections of a client."""
    (endpoint,) = set(answering(net, flow, 6))
    return endpoint


# Where twelve clients draw among four endpoints anew, all get what they had once in 4**12, or 16 million times.


@both_back_ends
def test_clients_keep_their_endpoints_until_their_time_is_up(net, rules, load):
    flows = sticky_flows(net, load, seconds=1)
    before = [answering(net, flow, 1) for flow in flows]
    time.sleep(1.5)  # it is this time that is tested
    after = [answering(net, flow, 1) for flow in flows]
    stayed = sum(old == new for old, new in zip(before, after, strict=True))
    print(f"\n{rules.value}: {stayed} of {len(flows)} clients got the same one of four endpoints again")
    assert stayed < len(flows)


class Client:
    """One that connects from time to time.

    Attributes:
        kept: seconds from the first to the last connection of those between which its time was never up.
    """

    def __init__(self, net, flow, seconds):
        self._net, self._flow, self._seconds = net, flow, seconds
        self.kept, self._first, self._last, self._endpoint = 0.0, 0.0, float("-inf"), []

    def connect(self):
        """It gets the endpoint that it had, unless its time may have been up, as on a machine that stood still."""
        before = time.monotonic()
        endpoint = answering(self._net, self._flow, 1)
        after = time.monotonic()
        if after - self._last < self._seconds:
            assert endpoint == self._endpoint
            self.kept = before - self._first
        else:
            self.kept, self._first, self._endpoint = 0.0, after, endpoint
        self._last = before


@both_back_ends
def test_each_connection_restarts_the_time(net, rules, load):
    seconds = 3
    clients = [Client(net, flow, seconds) for flow in sticky_flows(net, load, seconds)]
    while clients:
        for client in clients:
            client.connect()
        clients = [client for client in clients if client.kept <= seconds]
        if clients:
            time.sleep(1.1)


# What a proxy does that finds a table: it starts, brings the table to this world, and ends.
FOLLOW = """
import asyncio, sys, msgspec
from fairlead.app.proxy.nft_plane import NftPlane
from tests.support.proxy_flows import World
world = msgspec.json.decode(sys.stdin.read(), type=World)
asyncio.run(NftPlane(world.family, "").follow(world.snapshot, [], world.view))
"""


def follow(net, world_):
    net.node.run(sys.executable, "-c", FOLLOW, text=msgspec.json.encode(world_).decode())


@both_families
def test_the_next_proxy_knows_who_has_which_endpoint_and_lets_go_of_those_that_went(net, twin):
    def served_by(numbers):
        sticky = world([here(i) for i in numbers], sessionAffinity="ClientIP")
        return [twin(to(sticky, client)) for client in CLIENTS]

    flows = served_by((1, 2, 3, 4))
    install(net, flows[0].world, follow)
    before = [kept(net, flow) for flow in flows]
    follow(net, flows[0].world)
    assert [kept(net, flow) for flow in flows] == before
    gone = int(before[0][-1])
    fewer = served_by({1, 2, 3, 4} - {gone})
    follow(net, fewer[0].world)
    after = [kept(net, flow) for flow in fewer]
    assert before[0] not in after
    assert [new for old, new in zip(before, after, strict=True) if old != before[0]] == [
        old for old in before if old != before[0]
    ]


NODE_ADDRESSES = set(OWN)
# who asks, for what -> whose address the server sees
SEEN = {
    "a pod's own": (to(OPEN, POD), {POD}),
    "the node's, for a node": (to(OPEN, NODE), NODE_ADDRESSES),
    "the node's, for another node": (to(OPEN, OTHER_NODE), NODE_ADDRESSES),
    "the node's, for one outside": (to(OPEN, OUTSIDE, LB), NODE_ADDRESSES),
    "the node's, for a pod by node port": (to(OPEN, POD, NODE, NODE_PORT), NODE_ADDRESSES),
    "the client's, by policy Local": (to(EXTERNALLY_LOCAL, OUTSIDE, LB), {OUTSIDE}),
    "the client's, by policy Local and node port": (to(EXTERNALLY_LOCAL, OUTSIDE, NODE, NODE_PORT), {OUTSIDE}),
    "the node's, for the endpoint itself": (to(world([here(1)]), LOCAL[0]), NODE_ADDRESSES),
}


@pytest.mark.parametrize(("name", "kind"), each_once(list(SEEN), KINDS), ids=str)
def test_the_server_sees_the_address_of(net, name, kind):
    flow, seen = SEEN[name]
    asked = TWINS[kind.family](flow)
    install(net, asked.world, kind.back_end.load)
    found = {result if isinstance(result, str) else result[1][0] for result in probe(net, asked, 8)}
    assert found <= set(pair(*(address for address in seen if ":" not in address))), found


@both_back_ends
def test_masquerade_gives_each_connection_a_port_of_its_own(net, rules, load):
    """Ports are drawn at random: no client gets its own, and 48 of them do not come in a row."""
    flow = to(OPEN, OUTSIDE, LB)
    install(net, flow.world, load)
    ports = [(asking[1], seen[1]) for _, seen, asking in probe(net, flow, AT_ONCE)]
    assert len(set(ports)) == AT_ONCE
    steps = {after[1] - before[1] for before, after in pairwise(sorted(ports))}
    assert len(steps) > AT_ONCE // 2, ports
