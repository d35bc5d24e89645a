"""What becomes of connections: the typed rules, evaluated, against our own table and against the oracle."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.dataplane import iptables_rules, nft_rules, nft_skeleton
from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.incremental import build
from fairlead.dataplane.node_view import NodeSettings
from fairlead.netfilter.ruleset import Attachment, Chain, Drop, Hook, Rule, Table
from fairlead.trace.contract import Rules, allowed
from fairlead.trace.evaluate import Host, evaluate
from tests.support.proxy_flows import (
    BLOCKED,
    CLUSTER_IP,
    EXTERNAL_IP,
    FLOWS,
    FLOWS_IN_IPV6,
    LB,
    NODE,
    NODE2,
    NODE_PORT,
    OTHER_CLUSTER_IP,
    OTHER_NODE,
    OTHER_POD,
    OUTSIDE,
    POD,
    POD_CIDR,
    SERVICE_CIDR,
    UNALLOCATED,
    Flow,
    World,
    flow_in_ipv6,
    here,
    there,
)
from tests.support.proxy_objects import endpoint_slice, service

LET_NOTHING_IN = Rule((), (Drop(),))  # the last rule of a closed host's INPUT


def nft_host(world):
    table, _ = build(world.snapshot, world.view, nft_skeleton.skeleton(world.view), nft_rules.service_part)
    closing = Table({"INPUT": Chain("INPUT", (LET_NOTHING_IN,), Attachment("filter", Hook.INPUT, 0))})
    return Host(frozenset(world.own_addresses), (table, closing) if world.is_closed else (table,))


def iptables_host(world):
    keys = sorted(world.snapshot.services)
    parts = (iptables_rules.contribute(plan_service(world.snapshot, key, world.view), world.view) for key in keys)
    tables = dict(iptables_rules.assemble(parts, world.view))
    if world.is_closed:
        chains = tables["filter"].chains
        closed = msgspec.structs.replace(chains["INPUT"], rules=(*chains["INPUT"].rules, LET_NOTHING_IN))
        tables["filter"] = Table({**chains, "INPUT": closed})
    return Host(frozenset(world.own_addresses), tuple(tables.values()))


BACK_ENDS = [(Rules.NFT, nft_host), (Rules.IPTABLES, iptables_host)]
both_back_ends = pytest.mark.parametrize(("rules", "host"), BACK_ENDS, ids=lambda value: getattr(value, "value", ""))


def ways(traces):
    """What a failed assertion shows: each outcome with the rules on its way."""
    return "\n".join(
        f"{trace.outcome}\n" + "".join(f"   {s.hook} {s.chain}: {s.rule.origin}\n" for s in trace.steps)
        for trace in traces
    )


@both_back_ends
@pytest.mark.parametrize("flow", [*FLOWS, *FLOWS_IN_IPV6], ids=str)
def test_rules_do_with_a_connection_what_the_table_says(flow, rules, host):
    traces = evaluate(host(flow.world), flow.packet)
    assert {trace.outcome for trace in traces} == flow.outcomes(rules), ways(traces)


@pytest.mark.parametrize("rules", Rules)
@pytest.mark.parametrize("flow", [*FLOWS, *FLOWS_IN_IPV6], ids=str)
def test_the_oracle_says_what_the_table_says(flow, rules):
    assert allowed(flow.world.situation(rules), flow.packet) == flow.outcomes(rules)


states = st.sampled_from(["ready", "ready", "unready", "draining", "dying"])
hints = st.sampled_from(
    [{}, {"forZones": [{"name": "a"}]}, {"forZones": [{"name": "b"}]}, {"forNodes": [{"name": "here"}]}]
)


def endpoints(number):
    make = here if number < 5 else there
    return st.builds(lambda state, h: make(number, state, hints=h), states, hints)


def services(name, ip, node_port):
    policies = st.sampled_from(["Cluster", "Local"])
    return st.builds(
        lambda **fields: service(
            name,
            ip,
            (("http", 80, "TCP", node_port), ("udp", 80, "UDP")),
            status={"loadBalancer": {"ingress": [{"ip": LB}] if name == "web" else []}},
            type="LoadBalancer",
            externalIPs=[EXTERNAL_IP] if name == "web" else [],
            **fields,
        ),
        externalTrafficPolicy=policies,
        internalTrafficPolicy=policies,
        sessionAffinity=st.sampled_from(["None", "None", "ClientIP"]),
        loadBalancerSourceRanges=st.sampled_from([[], ["203.0.113.0/25"], ["192.168.0.0/16"], ["0.0.0.0/0"]]),
    )


@st.composite
def worlds(draw):
    pair = (draw(services("web", CLUSTER_IP, NODE_PORT)), draw(services("other", OTHER_CLUSTER_IP, 0)))
    slices = []
    for owner in ("web", "other"):
        numbers = draw(st.sets(st.integers(1, 7), max_size=4))
        listed = [draw(endpoints(number)) for number in sorted(numbers)]
        slices.append(endpoint_slice(listed, owner, (("http", 8080), ("udp", 53, "UDP"))))
    chosen = NodeSettings(
        cluster_cidrs=draw(st.sampled_from([(), (POD_CIDR,)])),
        service_cidrs=draw(st.sampled_from([(), (SERVICE_CIDR,)])),
        masquerade_all=draw(st.booleans()),
    )
    return World(pair, tuple(slices), draw(st.sampled_from([None, "a"])), chosen)


flows = st.builds(
    Flow,
    number=st.just(0),
    name=st.just("random"),
    world=worlds(),
    source=st.sampled_from([POD, NODE, NODE2, OTHER_NODE, OTHER_POD, OUTSIDE, BLOCKED, "10.180.0.1", "10.180.0.5"]),
    destination=st.sampled_from([CLUSTER_IP, OTHER_CLUSTER_IP, UNALLOCATED, EXTERNAL_IP, LB, NODE, NODE2]),
    expected=st.none(),
    port=st.sampled_from([80, 80, 443, NODE_PORT]),
    protocol=st.sampled_from(["tcp", "udp"]),
)
either_family = flows | flows.map(flow_in_ipv6)


@both_back_ends
@given(flow=either_family)
@settings(max_examples=200)
def test_in_any_cluster_the_rules_do_exactly_what_the_oracle_allows(rules, host, flow):
    traces = evaluate(host(flow.world), flow.packet)
    assert {trace.outcome for trace in traces} == allowed(flow.world.situation(rules), flow.packet), ways(traces)
