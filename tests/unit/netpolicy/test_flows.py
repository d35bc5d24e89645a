"""Results of connections under policies: the typed rules of both back ends, evaluated, against the oracle."""

import pytest
from hypothesis import given, settings

from fairlead.netpolicy.census import Census
from fairlead.netpolicy.enforcement import build
from fairlead.netpolicy.iptables_rules import IptablesPolicies
from fairlead.netpolicy.nft_rules import NftPolicies
from fairlead.trace.contract import Rules, allowed
from fairlead.trace.evaluate import Host, evaluate
from tests.support.full import some_of
from tests.support.policy_flows import either_family
from tests.unit.trace.test_flows import iptables_host, nft_host, ways

WRITERS = {Rules.NFT: (nft_host, NftPolicies), Rules.IPTABLES: (iptables_host, IptablesPolicies)}


def host_with_policies(world, rules):
    """A node with the rules of its Services, and of its policies beside them."""
    services_of, backend = WRITERS[rules]
    host = services_of(world)
    census = Census.of(world.pods, world.namespaces, world.policies)
    table, _ = build(census, "here", backend(world.family))
    return Host(host.addresses, (*host.tables, table))


@pytest.mark.parametrize("rules", Rules)
@given(flow=either_family)
@settings(max_examples=some_of(120, 400))
def test_in_any_cluster_the_rules_do_exactly_what_the_oracle_allows(rules, flow):
    traces = evaluate(host_with_policies(flow.world, rules), flow.packet)
    assert {trace.outcome for trace in traces} == allowed(flow.world.situation(rules), flow.packet), ways(traces)
