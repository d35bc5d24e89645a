"""The plane without namespaces decides as the table of connections and the oracle do, with listed exceptions."""

import pytest
from hypothesis import given, settings

from fairlead.app.proxy.userspace.frontends import Frontend
from fairlead.trace.contract import Rules, allowed
from fairlead.trace.packet import DROPPED, REJECTED
from tests.support.full import some_of
from tests.support.loopback_flows import (
    EXPECTED_TO_DIFFER,
    SAME,
    EveryWay,
    as_sockets_have_it,
    cluster_of,
    flow_on_loopback,
    on_loopback,
    outcomes_of,
)
from tests.support.policy_flows import flows_with_policies
from tests.support.random_flows import flows


@pytest.mark.parametrize("flow", SAME, ids=str)
def test_a_connection_goes_where_the_table_says(flow):
    expected = flow.outcomes(Rules.NFT)
    assert outcomes_of(flow) == as_sockets_have_it(expected, flow, is_served=True)


@pytest.mark.parametrize("flow", EXPECTED_TO_DIFFER, ids=str)
def test_packets_that_a_kernel_drops_are_refused_in_user_space(flow):
    assert flow.outcomes(Rules.NFT) == {DROPPED}
    assert outcomes_of(flow) == {REJECTED}


def on_sockets(flow):
    """The flow with loopback addresses, and whether there is a socket at its destination."""
    twin = flow_on_loopback(flow)
    served = cluster_of(twin.world, EveryWay()).frontends
    return twin, Frontend(twin.destination, twin.port, twin.protocol) in served


@given(flow=flows)
@settings(max_examples=some_of(100, 300))
def test_in_any_cluster_connections_go_where_the_oracle_allows(flow):
    twin, is_served = on_sockets(flow)
    # The oracle is asked about the original: to it, every loopback address is the node's own.
    expected = map(on_loopback, allowed(flow.world.situation(Rules.NFT), flow.packet))
    assert outcomes_of(twin) == as_sockets_have_it(expected, twin, is_served=is_served)


@given(flow=flows_with_policies)
@settings(max_examples=some_of(100, 300))
def test_policies_let_through_what_the_oracle_allows(flow):
    """Of what passes a Service: two Pods that use each other's own addresses meet nobody who could ask."""
    twin, is_served = on_sockets(flow)
    if is_served:
        expected = map(on_loopback, allowed(flow.world.situation(Rules.NFT), flow.packet))
        assert outcomes_of(twin) == as_sockets_have_it(expected, twin, is_served=True)
