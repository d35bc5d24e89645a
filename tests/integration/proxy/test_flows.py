"""Results of connections in a real kernel: real packets between namespaces, against the same table."""

from dataclasses import replace

import pytest
from hypothesis import Phase, assume, given, settings

from fairlead.trace.contract import allowed
from fairlead.trace.packet import PacketFate
from tests.support.full import each_once, some_of
from tests.support.net.proxy_net import AT_OTHER_NODE, BACK_ENDS, both_back_ends, net, observed
from tests.support.proxy_flows import FLOWS, FLOWS_IN_IPV6
from tests.unit.trace.test_flows import either_family

__all__ = ["net"]  # the fixture
# With four endpoints to choose from, the chance that 48 connections miss one is 4 * (3/4)**48, or one in 250,000.
ATTEMPTS = 48
FEW = 8  # where there is only one outcome; the kernel limits how many ICMP errors it sends


def is_seen(flow, outcome):
    """Whether a sender can tell this outcome.

    A closed UDP port of the node looks like a refusal. And an endpoint behind the other node answers that node and a
    neighbour of its own without coming by this node, so that the answer is not translated back, unless this node hides
    who asks.
    """
    if outcome.fate is PacketFate.ACCEPT and outcome.destination == flow.destination:
        return flow.protocol != "udp" or flow.destination not in flow.world.own_addresses
    is_answered_past_us = {flow.source, outcome.destination} <= set(AT_OTHER_NODE)
    return outcome.is_masqueraded or not is_answered_past_us


SEEN = [flow for flow in (*FLOWS, *FLOWS_IN_IPV6) if all(is_seen(flow, outcome) for outcome in flow.outcomes())]


@pytest.mark.parametrize(("flow", "back_end"), each_once(SEEN, BACK_ENDS), ids=str)
def test_the_kernel_does_with_a_connection_what_the_table_says(net, flow, back_end):
    rules, load = back_end
    count = ATTEMPTS if len(flow.outcomes()) > 1 else FEW
    assert observed(net, flow, load, count) == flow.outcomes(rules), net.node.run("nft", "list", "ruleset")


# A full run draws 600 cases: 300 for each back end, of either family.
@both_back_ends
@given(drawn=either_family)
@settings(max_examples=some_of(40, 300), derandomize=True, phases=[Phase.generate], database=None)
def test_in_any_cluster_the_kernel_stays_within_what_the_oracle_allows(net, rules, load, drawn):
    outcomes = allowed(drawn.world.situation(rules), drawn.packet)
    assume(all(is_seen(drawn, outcome) for outcome in outcomes))
    seen = observed(net, replace(drawn, expected=outcomes), load, 3)
    assert seen
    assert seen <= outcomes, net.node.run("nft", "list", "ruleset")
