"""Policies as programs of a node show them, read and run: the same as the typed rules that they were written from."""

import pytest
from hypothesis import given, settings

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.dump.ipset import read_ipset
from fairlead.netfilter.dump.iptables import read_iptables
from fairlead.netfilter.dump.nft import read_nft
from fairlead.netfilter.ipset_text import replacing
from fairlead.netfilter.iptables_text import render_restore
from fairlead.netfilter.nft_text import render_table
from fairlead.netfilter.ruleset import TableName
from fairlead.netpolicy.iptables_rules import SECURITY, IptablesPolicies
from fairlead.netpolicy.nft_rules import NftPolicies
from fairlead.trace.contract import Rules
from fairlead.trace.dumped import follow
from fairlead.trace.evaluate import Host, outcomes
from fairlead.trace.packet import Packet
from fairlead.trace.ways import TracedNode
from tests.support.full import some_of
from tests.support.net.policy_net import policy_table
from tests.support.policy_flows import either_family


def node_of(world, rules):
    """The policies alone, as text that is read, and as they were written."""
    if rules is Rules.NFT:
        table = policy_table(world, NftPolicies)
        tables = read_nft(render_table(TableName(world.family, "policies"), table))
    else:
        table = policy_table(world, IptablesPolicies)
        sets = read_ipset(replacing({}, table, world.family).before)
        tables = read_iptables(
            render_restore([(SECURITY, table)]), "ip" if world.family is IPFamily.IPV4 else "ip6", sets
        )
    own = frozenset(world.own_addresses)
    return TracedNode(own, tuple(tables)), Host(own, (table,))


@pytest.mark.parametrize("rules", Rules)
@given(flow=either_family)
@settings(max_examples=some_of(60, 200))
def test_parsed_rules_act_as_the_written_ones(rules, flow):
    node, host = node_of(flow.world, rules)
    found = follow(node, flow.packet)
    assert found.is_certain, found
    assert found.outcomes == outcomes(host, flow.packet)


RULE = "*security\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m set {} -j DROP\nCOMMIT\n"
NET = "create n hash:net family inet\nadd n 10.0.0.0/8\n"


@pytest.mark.parametrize(
    ("match", "sets"),
    [
        ("--match-set unknown src", NET),
        ("--match-set n src --return-nomatch", NET),
        ("--match-set n src", f"{NET}add n 10.1.0.0/16 nomatch\n"),
        ("--match-set n src", "create n list:set size 8\nadd n other\n"),
        ("--match-set n src", "create n hash:ip,mac family inet\n"),
    ],
)
def test_a_set_that_is_not_understood_is_a_doubt(match, sets):
    (table,) = read_iptables(RULE.format(match), "ip", read_ipset(sets))
    assert not follow(TracedNode(frozenset(), (table,)), packet("10.0.0.1")).is_certain


def packet(source):
    return Packet(source, "10.9.9.9", 80, interface="eth0")


@pytest.mark.parametrize(("match", "drops"), [("--match-set n src", True), ("! --match-set n src", False)])
def test_a_network_in_a_set(match, drops):
    (table,) = read_iptables(RULE.format(match), "ip", read_ipset(NET))
    (outcome,) = follow(TracedNode(frozenset(), (table,)), packet("10.2.3.4")).outcomes
    assert (str(outcome) == "drop") is drops
