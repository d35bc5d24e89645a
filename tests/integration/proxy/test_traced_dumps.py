"""Rules as the kernel's own programs list them, traced: what is predicted from the text is what real packets do."""

from dataclasses import replace

import pytest
from hypothesis import Phase, assume, given, settings

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.dump.iptables import read_iptables
from fairlead.netfilter.dump.nft import read_nft
from fairlead.netfilter.dump.nft_json import read_nft_json
from fairlead.trace.contract import Rules
from fairlead.trace.dumped import follow
from fairlead.trace.ways import TracedNode
from tests.integration.proxy.test_flows import SEEN, is_seen
from tests.support.full import each_once, one_in, some_of
from tests.support.net.proxy_net import BACK_ENDS, both_back_ends, install, net, observed
from tests.unit.trace.test_flows import either_family

__all__ = ["net"]  # the fixture
ATTEMPTS = 48  # as in test_flows: the chance to miss one of four endpoints is one in 250,000


def listed(net, world, rules):
    """The node's tables as its programs print them, in every language that there is."""
    if rules is Rules.NFT:
        text = net.node.run("nft", "-y", "list", "ruleset")
        yield "nft", read_nft(text)
        yield "json", read_nft_json(net.node.run("nft", "-j", "list", "ruleset"))
    else:
        is_ipv6 = world.family is IPFamily.IPV6
        text = net.node.run("ip6tables-save" if is_ipv6 else "iptables-save")
        yield "iptables-save", read_iptables(text, "ip6" if is_ipv6 else "ip")


def traced(net, flow, rules):
    """The outcomes that each language predicts."""
    addresses = frozenset(flow.world.own_addresses)
    for language, tables in listed(net, flow.world, rules):
        found = follow(TracedNode(addresses, tuple(tables)), flow.packet, is_first=True)
        assert found.is_certain, (language, found)
        yield language, found.outcomes


OPEN = [flow for flow in SEEN if not flow.world.is_closed]


@pytest.mark.parametrize(("flow", "back_end"), each_once(one_in(4, OPEN), BACK_ENDS), ids=str)
def test_the_listed_rules_predict_what_the_kernel_does(net, flow, back_end):
    rules, load = back_end
    install(net, flow.world, load)
    predicted = dict(traced(net, flow, rules))
    seen = observed(net, flow, load, ATTEMPTS if len(flow.outcomes(rules)) > 1 else 4)
    assert all(outcomes == seen for outcomes in predicted.values()), (predicted, seen)


@both_back_ends
@given(drawn=either_family)
@settings(max_examples=some_of(15, 250), derandomize=True, deadline=None, phases=[Phase.generate], database=None)
def test_in_any_cluster_what_the_kernel_does_was_predicted(net, rules, load, drawn):
    install(net, drawn.world, load)
    predicted = dict(traced(net, drawn, rules))
    assert len(set(predicted.values())) == 1, predicted
    outcomes = next(iter(predicted.values()))
    assume(all(is_seen(drawn, outcome) for outcome in outcomes))
    seen = observed(net, replace(drawn, expected=outcomes), load, 3)
    assert seen
    assert seen <= outcomes, net.node.run("nft", "list", "ruleset")
