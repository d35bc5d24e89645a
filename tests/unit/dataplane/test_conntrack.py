"""Which UDP flows a change makes stale: those that the old rules allowed and the new ones do not, and no other."""

import pytest

from fairlead.dataplane.conntrack import Flow, stale_among, stale_flows, untranslated_among
from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.node_view import NodeSettings, view_node
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.netfilter.ruleset import Target
from tests.support.proxy_objects import endpoint, endpoint_slice, node, service, snapshot

VIEW = view_node(NodeSettings(), "here", node(), (), IPFamily.IPV4)
DNS = ObjectKey("ns", "dns")
VIP, NODE = "10.96.0.10", "192.168.0.2"


def dns(*endpoints, **fields):
    """The plans of a Service with one UDP port 53, served on 5353 by these endpoints."""
    ports = (("dns", 53, "UDP", fields.pop("node_port", 0)),)
    slices = endpoint_slice(list(endpoints), "dns", (("dns", 5353, "UDP"),))
    return plan_service(snapshot(service("dns", VIP, ports, **fields), slices), DNS, VIEW)


def at(address, *last_octets, port=53):
    return {Flow(address, port, Target(f"10.0.0.{n}", 5353)) for n in last_octets}


ONE, TWO = endpoint("10.0.0.1"), endpoint("10.0.0.2")
UNTRANSLATED = {Flow(VIP, 53, Target(VIP, 53))}

# what was there, what is there now -> what is stale
CASES = [
    ("nothing changed", dns(ONE, TWO), dns(ONE, TWO), set()),
    ("an endpoint came", dns(ONE), dns(ONE, TWO), set()),
    ("an endpoint went", dns(ONE, TWO), dns(ONE), at(VIP, 2)),
    ("the last endpoint went", dns(ONE), dns(), at(VIP, 1)),
    ("the Service went", dns(ONE), (), at(VIP, 1)),
    ("the first endpoint came", dns(), dns(ONE), UNTRANSLATED),
    ("one drains: it still serves", dns(ONE, TWO), dns(ONE, endpoint("10.0.0.2", state="draining")), set()),
    ("one is dying", dns(ONE, TWO), dns(ONE, endpoint("10.0.0.2", state="dying")), at(VIP, 2)),
    ("a node port's endpoint went", dns(ONE, TWO, node_port=30053), dns(ONE, node_port=30053),
     at(VIP, 2) | at(NODE, 2, port=30053)),
    ("an external address went", dns(ONE, externalIPs=["1.1.1.1"]), dns(ONE), at("1.1.1.1", 1)),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "stale"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_which_flows_a_change_makes_stale(old, new, stale):
    assert stale_flows(old, new, VIEW) == stale


def test_tcp_is_left_to_close_by_itself_unless_a_reset_is_asked_for():
    def web(*endpoints):
        objects = (service("web"), endpoint_slice(list(endpoints)))
        return plan_service(snapshot(*objects), ObjectKey("ns", "web"), VIEW)

    assert stale_flows(web(ONE, TWO), web(ONE), VIEW) == set()
    resetting = view_node(NodeSettings(resets_connections=True), "here", node(), (), IPFamily.IPV4)
    gone = {Flow(VIP, 80, Target("10.0.0.2", 8080), "tcp")}
    assert stale_flows(web(ONE, TWO), web(ONE), resetting) == gone
    assert stale_flows(web(), web(ONE), resetting) == set()  # nothing was translated, nothing is to be reset
    assert stale_among(gone, web(ONE), resetting) == list(gone)
    assert stale_among(gone, web(ONE), VIEW) == []


def test_at_the_start_flows_to_gone_endpoints_are_found_and_others_left_alone():
    good, gone = at(VIP, 1), at(VIP, 9)
    elsewhere = {Flow("8.8.8.8", 53, Target("8.8.8.8", 53))}
    assert set(stale_among(good | gone | elsewhere, dns(ONE, TWO), VIEW)) == gone


ANYWHERE = view_node(NodeSettings(node_port_addresses=("0.0.0.0/0",)), "here", node(), (), IPFamily.IPV4)
PORT, OTHER = 30053, "192.168.9.9"


def test_on_any_address_of_the_node_untranslated_flows_are_stale_once_a_node_port_is_served():
    """A client that keeps its port, and began before there was a Service."""
    stale = stale_flows(dns(node_port=PORT), dns(ONE, node_port=PORT), ANYWHERE)
    assert stale == UNTRANSLATED | {Flow("", PORT, Target("", PORT))}
    passing = Flow("8.8.8.8", PORT, Target("8.8.8.8", PORT))
    untranslated = Flow(OTHER, PORT, Target(OTHER, PORT))
    there = [untranslated, passing, *at(OTHER, 1, port=PORT), Flow(OTHER, 53, Target(OTHER, 53))]
    assert untranslated_among(there, PORT, {OTHER, NODE}) == [untranslated]


def test_at_the_start_only_flows_to_the_nodes_own_addresses_are_stale():
    passing = Flow("8.8.8.8", PORT, Target("8.8.8.8", PORT))
    gone, untranslated = at(OTHER, 9, port=PORT), {Flow(OTHER, PORT, Target(OTHER, PORT))}
    plans = dns(ONE, node_port=PORT)
    there = {passing} | gone | untranslated | at(OTHER, 1, port=PORT)
    assert set(stale_among(there, plans, ANYWHERE, {OTHER, NODE})) == gone | untranslated
