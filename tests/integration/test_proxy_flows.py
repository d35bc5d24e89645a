"""What becomes of connections in a real kernel: real packets between namespaces, against the same table."""

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
    OTHER_CLUSTER_IP,
    OUTSIDE,
    POD,
    UNALLOCATED,
    Flow,
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
FEW = 8  # where there is only one outcome; the kernel limits how many ICMP errors it sends


@pytest.fixture(scope="module")
def net():
    net = Net([NODE, NODE2])
    for address in (*ENDPOINTS, POD, OUTSIDE, BLOCKED):
        host = net.add_host(address)
        if address in ENDPOINTS:
            host.call("serve", address=address, ports=SERVED)
    net.add_router(ROUTER, LB, EXTERNAL_IP, UNALLOCATED, CLUSTER_IP, OTHER_CLUSTER_IP)
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


def observed(net, flow, load, count):
    for address in flow.world.own_addresses:
        net.add_address(address)
    net.node.run("conntrack", "-F")  # what was translated before must not make this connection's port change
    net.node.run("nft", "flush", "ruleset")
    load(net, flow.world)
    results = net.sender(flow.source).call(
        "probe",
        source=flow.source,
        destination=flow.destination,
        port=flow.port,
        protocol=flow.protocol,
        count=count,
    )
    for address in set(flow.world.own_addresses) - {NODE, NODE2}:
        net.remove_address(address)
    return {outcome(flow, result) for result in results}


# Few kernels are built with SCTP sockets; that protocol's one flow is left to the evaluator and the oracle.
SENDABLE = [flow for flow in FLOWS if flow.protocol != "sctp"]


@pytest.mark.parametrize(("rules", "load"), BACK_ENDS, ids=lambda value: getattr(value, "value", ""))
@pytest.mark.parametrize("flow", SENDABLE, ids=str)
def test_the_kernel_does_with_a_connection_what_the_table_says(net, flow, rules, load):
    count = ATTEMPTS if len(flow.outcomes()) > 1 else FEW
    assert observed(net, flow, load, count) == flow.outcomes(rules), net.node.run("nft", "list", "ruleset")


def is_seen(outcome, sent):
    """Whether a sender can tell this outcome: a closed UDP port of a host that was reached looks like a refusal."""
    return sent.protocol != "udp" or outcome.fate is not Fate.ACCEPT or outcome.destination != sent.destination


@given(worlds(), packets)
@settings(max_examples=500, deadline=None, derandomize=True, phases=[Phase.generate], database=None)
def test_in_any_cluster_the_kernel_stays_within_what_the_oracle_allows(net, world, sent):
    outcomes = allowed(world.situation(), sent)
    assume(all(is_seen(outcome, sent) for outcome in outcomes))
    flow = Flow(0, "random", world, sent.source, sent.destination, outcomes, sent.port, sent.protocol)
    seen = observed(net, flow, load_nft, 3)
    assert seen
    assert seen <= outcomes, net.node.run("nft", "list", "ruleset")
