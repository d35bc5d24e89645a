"""What becomes of connections in a real kernel: real packets between namespaces, against the same table."""

from collections import Counter

import pytest
from hypothesis import Phase, assume, given, settings
from tests.integration.netlab import Net
from tests.proxy_flows import (
    BLOCKED,
    CLUSTER_IP,
    EXTERNAL_IP,
    FLOWS,
    LB,
    NODE,
    NODE2,
    OUTSIDE,
    POD,
    UNALLOCATED,
    Flow,
    here,
    to,
    world,
)
from tests.unit.test_proxy_flows import packets, worlds

from fairlead.dataplane import iptables_rules, nft_rules, nft_skeleton
from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.incremental import build
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_text import render_restore
from fairlead.netfilter.nft_text import render_table
from fairlead.trace.contract import Rules, allowed
from fairlead.trace.packet import DROPPED, REJECTED, Fate, Outcome

ENDPOINTS = [f"10.180.0.{number}" for number in range(1, 8)]
ROUTER = "198.51.100.1"
SERVED = [("tcp", 80), ("tcp", 5353), ("tcp", 8443), ("udp", 53), ("tcp", 8080)]
TABLE = nft_skeleton.table_name(IPFamily.IPV4)
# With four endpoints to choose from, the chance that 48 connections miss one is 4 * (3/4)**48, or one in 250,000.
ATTEMPTS = 48
QUICK, PATIENT = 0.4, 3.0  # seconds after which an unanswered packet counts as dropped
FEW = 8  # where there is only one outcome; the kernel limits how many ICMP errors it sends


@pytest.fixture(scope="module")
def net():
    net = Net([NODE, NODE2])
    for address in (*ENDPOINTS, POD, OUTSIDE, BLOCKED):
        host = net.add_host(address)
        if address in ENDPOINTS:
            host.call("serve", address=address, ports=SERVED)
    net.add_router(ROUTER, LB, EXTERNAL_IP, UNALLOCATED)
    yield net
    net.close()


def load_nft(net, world):
    table, _ = build(world.snapshot, world.view, nft_skeleton.skeleton(world.view), nft_rules.service_part)
    net.node.run("nft", "-f", "-", text=render_table(TABLE, table))


def load_iptables(net, world):
    keys = sorted(world.snapshot.services)
    parts = (iptables_rules.contribute(plan_service(world.snapshot, key, world.view), world.view) for key in keys)
    text = render_restore(iptables_rules.assemble(parts, world.view))
    net.node.run("iptables-restore", "--noflush", text=text)


BACK_ENDS = [(Rules.NFT, load_nft), (Rules.IPTABLES, load_iptables)]


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
    for address in flow.world.own_addresses:
        net.add_address(address)
    net.node.run("conntrack", "-F")  # what was translated before must not make this connection's port change
    net.node.run("nft", "flush", "ruleset")
    load(net, flow.world)
    found = probe(net, flow, count, QUICK)
    if "dropped" in found and DROPPED not in (flow.expected or ()):
        found = probe(net, flow, count, PATIENT)  # a busy machine, or the kernel's limit of ICMP errors
    for address in set(flow.world.own_addresses) - {NODE, NODE2}:
        net.remove_address(address)
    return [outcome(flow, result) for result in found]


# Few kernels are built with SCTP sockets; that protocol's one flow is left to the evaluator and the oracle.
SENDABLE = [flow for flow in FLOWS if flow.protocol != "sctp"]


@pytest.mark.parametrize(("rules", "load"), BACK_ENDS, ids=lambda value: getattr(value, "value", ""))
@pytest.mark.parametrize("flow", SENDABLE, ids=str)
def test_the_kernel_does_with_a_connection_what_the_table_says(net, flow, rules, load):
    count = ATTEMPTS if len(flow.outcomes()) > 1 else FEW
    assert observed(net, flow, load, count) == flow.outcomes(rules), net.node.run("nft", "list", "ruleset")


def is_seen(outcome, sent):
    """Whether a sender can tell this outcome: a closed UDP port of a host that was reached looks like a refusal.

    Nor does an endpoint of another node, which this one is not to masquerade, meet itself by way of this node.
    """
    if outcome.destination == sent.source and not outcome.is_masqueraded:
        return False
    return sent.protocol != "udp" or outcome.fate is not Fate.ACCEPT or outcome.destination != sent.destination


@given(drawn=worlds(), sent=packets)
@settings(max_examples=500, deadline=None, derandomize=True, phases=[Phase.generate], database=None)
def test_in_any_cluster_the_kernel_stays_within_what_the_oracle_allows(net, drawn, sent):
    outcomes = allowed(drawn.situation(), sent)
    assume(all(is_seen(outcome, sent) for outcome in outcomes))
    flow = Flow(0, "random", drawn, sent.source, sent.destination, outcomes, sent.port, sent.protocol)
    seen = observed(net, flow, load_nft, 3)
    assert seen
    assert seen <= outcomes, net.node.run("nft", "list", "ruleset")


@pytest.mark.parametrize(("rules", "load"), BACK_ENDS, ids=lambda value: getattr(value, "value", ""))
def test_connections_spread_evenly(net, rules, load):
    """Each of 3 endpoints gets a third of 480 connections: 160 on average, within five standard deviations of 10.3."""
    endpoints = [here(number) for number in (1, 2, 3)]
    flow = Flow(0, "spread", world(endpoints), POD, CLUSTER_IP, to(1, 2, 3))
    counts = Counter(outcome.destination for _ in range(10) for outcome in results(net, flow, load, 48))
    print(dict(counts))
    assert sum(counts.values()) == 480
    assert all(108 < counts[endpoint["addresses"][0]] < 212 for endpoint in endpoints), counts
