"""What becomes of connections in a real kernel: real packets between namespaces, against the same table."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import Phase, assume, given, settings
from tests.integration.netlab import Net
from tests.proxy_flows import (
    BLOCKED,
    CLUSTER_IP,
    FLOWS,
    FLOWS_IN_IPV6,
    NODE,
    NODE2,
    OTHER_NODE,
    OTHER_POD,
    OUTSIDE,
    POD,
    POD_LINK,
    Flow,
    here,
    in_ipv6,
    to,
    world,
)
from tests.unit.test_proxy_flows import either_family

from fairlead.dataplane import iptables_rules, nft_rules, nft_skeleton
from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.incremental import build
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_text import render_restore
from fairlead.netfilter.nft_text import render_table
from fairlead.trace.contract import Rules, allowed
from fairlead.trace.packet import DROPPED, REJECTED, Fate, Outcome

ENDPOINTS_HERE = [f"10.180.0.{number}" for number in range(1, 5)]
ENDPOINTS_THERE = [f"10.180.0.{number}" for number in range(5, 8)]
ROUTER = "198.51.100.1"
SERVED = [("tcp", 80), ("tcp", 5353), ("tcp", 8443), ("udp", 53), ("tcp", 8080), ("sctp", 53)]
# With four endpoints to choose from, the chance that 48 connections miss one is 4 * (3/4)**48, or one in 250,000.
ATTEMPTS = 48
QUICK, PATIENT = 0.15, 3.0  # seconds after which an unanswered packet counts as dropped; a round trip takes 0.001
FEW = 8  # where there is only one outcome; the kernel limits how many ICMP errors it sends


def pair(*addresses):
    """Each address, and its IPv6 twin."""
    return [*addresses, *map(in_ipv6, addresses)]


OWN = pair(NODE, NODE2)
BEHIND_OTHER_NODE = pair(*ENDPOINTS_THERE, OTHER_POD)


@pytest.fixture(scope="module")
def net():
    net = Net(OWN)
    other_node = net.add_node(*pair(OTHER_NODE))
    net.node.call("write", path="/proc/sys/net/ipv4/conf/all/route_localnet", text="1")  # as flow 27 needs it
    net.add_host(*pair(POD), link=POD_LINK)
    for address in (*ENDPOINTS_HERE, OUTSIDE, BLOCKED):
        net.add_host(*pair(address))
    for address in (*ENDPOINTS_THERE, OTHER_POD):
        net.add_host(*pair(address), behind=other_node)
    for address in pair(*ENDPOINTS_HERE, *ENDPOINTS_THERE):
        net.hosts[address].call("serve", address=address, ports=SERVED)
    net.add_router(*pair(ROUTER))
    yield net
    net.close()


def nft_table(world):
    return build(world.snapshot, world.view, nft_skeleton.skeleton(world.view), nft_rules.service_part)[0]


def load_nft(net, world):
    net.node.run("nft", "-f", "-", text=render_table(nft_skeleton.table_name(world.family), nft_table(world)))


def load_iptables(net, world):
    keys = sorted(world.snapshot.services)
    parts = (iptables_rules.contribute(plan_service(world.snapshot, key, world.view), world.view) for key in keys)
    program = "iptables-restore" if world.family is IPFamily.IPV4 else "ip6tables-restore"
    net.node.run(program, "--noflush", text=render_restore(iptables_rules.assemble(parts, world.view)))


both_back_ends = pytest.mark.parametrize(
    ("rules", "load"), [(Rules.NFT, load_nft), (Rules.IPTABLES, load_iptables)], ids=lambda v: getattr(v, "value", "")
)


def outcome(flow, result):
    if isinstance(result, str):
        return {
            "dropped": DROPPED,
            "rejected": REJECTED,
            "unanswered": Outcome(Fate.ACCEPT, flow.destination, flow.port),
        }[result]
    (address, port), seen, asking = result
    # A masquerade to the sender's own address still shows: the port is a random one then.
    return Outcome(Fate.ACCEPT, address, port, seen != asking)


def probe(net, flow, count, seconds):
    return net.sender(flow.source).call(
        "probe",
        source=flow.source,
        destination=flow.destination,
        port=flow.port,
        protocol=flow.protocol,
        count=count,
        seconds=seconds,
    )


def observed(net, flow, load, count):
    """The set of what became of a number of connections."""
    return set(results(net, flow, load, count))


def results(net, flow, load, count):
    extra = [address for address in flow.world.own_addresses if address not in OWN]
    for address in extra:
        net.add_address(address)
    net.node.run("conntrack", "-F")  # what was translated before must not make this connection's port change
    net.node.run("nft", "flush", "ruleset")
    if flow.world.is_closed:
        program = "iptables" if flow.world.family is IPFamily.IPV4 else "ip6tables"
        net.node.run(program, "-A", "INPUT", "-m", "conntrack", "--ctstate", "NEW", "-j", "DROP")
    load(net, flow.world)
    found = probe(net, flow, count, QUICK)
    if "dropped" in found and DROPPED not in (flow.expected or ()):
        found = probe(net, flow, count, PATIENT)  # a busy machine, or the kernel's limit of ICMP errors
    for address in extra:
        net.remove_address(address)
    return [outcome(flow, result) for result in found]


def is_seen(flow, outcome):
    """Whether a sender can tell this outcome.

    A closed UDP port of the node looks like a refusal. And an endpoint behind the other node answers a neighbour of its
    own without coming by this node, so that the answer is not translated back, unless this node hides who asks.
    """
    if outcome.fate is Fate.ACCEPT and outcome.destination == flow.destination:
        return flow.protocol != "udp" or flow.destination not in flow.world.own_addresses
    is_answered_past_us = {flow.source, outcome.destination} <= set(BEHIND_OTHER_NODE)
    return outcome.is_masqueraded or not is_answered_past_us


SEEN = [flow for flow in (*FLOWS, *FLOWS_IN_IPV6) if all(is_seen(flow, outcome) for outcome in flow.outcomes())]


@both_back_ends
@pytest.mark.parametrize("flow", SEEN, ids=str)
def test_the_kernel_does_with_a_connection_what_the_table_says(net, flow, rules, load):
    count = ATTEMPTS if len(flow.outcomes()) > 1 else FEW
    assert observed(net, flow, load, count) == flow.outcomes(rules), net.node.run("nft", "list", "ruleset")


# 300 for each back end, and either family: 600 cases.
@both_back_ends
@given(drawn=either_family)
@settings(max_examples=300, deadline=None, derandomize=True, phases=[Phase.generate], database=None)
def test_in_any_cluster_the_kernel_stays_within_what_the_oracle_allows(net, rules, load, drawn):
    outcomes = allowed(drawn.world.situation(rules), drawn.packet)
    assume(all(is_seen(drawn, outcome) for outcome in outcomes))
    seen = observed(net, replace(drawn, expected=outcomes), load, 3)
    assert seen
    assert seen <= outcomes, net.node.run("nft", "list", "ruleset")


@both_back_ends
def test_connections_spread_evenly(net, rules, load):
    """Each of 3 endpoints gets a third of 480 connections: 160 on average, within five standard deviations of 10.3."""
    endpoints = [here(number) for number in (1, 2, 3)]
    flow = Flow(0, "spread", world(endpoints), POD, CLUSTER_IP, to(1, 2, 3))
    counts = Counter(outcome.destination for _ in range(10) for outcome in results(net, flow, load, 48))
    print(dict(counts))
    assert sum(counts.values()) == 480
    assert all(108 < counts[endpoint["addresses"][0]] < 212 for endpoint in endpoints), counts
