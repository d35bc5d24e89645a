"""Results of connections: the typed rules, evaluated, against our own table and against the oracle."""

import msgspec
import pytest
from hypothesis import given, settings

from fairlead.dataplane import iptables_rules, nft_rules, nft_skeleton
from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.incremental import build
from fairlead.netfilter.ruleset import Chain, ChainHook, Drop, Hook, Rule, Table
from fairlead.trace.contract import Rules, allowed
from fairlead.trace.evaluate import Host, evaluate
from tests.support.full import some_of
from tests.support.proxy_flows import FLOWS, FLOWS_IN_IPV6, flow_in_ipv6
from tests.support.random_flows import flows

LET_NOTHING_IN = Rule((), (Drop(),))  # the last rule of a closed host's INPUT


def nft_host(world):
    table, _ = build(world.snapshot, world.view, nft_skeleton.skeleton(world.view), nft_rules.service_part)
    closing = Table({"INPUT": Chain("INPUT", (LET_NOTHING_IN,), ChainHook("filter", Hook.INPUT, 0))})
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


either_family = flows | flows.map(flow_in_ipv6)


@both_back_ends
@given(flow=either_family)
@settings(max_examples=some_of(100, 200))
def test_in_any_cluster_the_rules_do_exactly_what_the_oracle_allows(rules, host, flow):
    traces = evaluate(host(flow.world), flow.packet)
    assert {trace.outcome for trace in traces} == allowed(flow.world.situation(rules), flow.packet), ways(traces)
