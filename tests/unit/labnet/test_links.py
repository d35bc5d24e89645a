"""The lab's network as iproute2 commands: addresses and routes."""

import pytest

from fairlead.app.lab.settings import numbered_node
from fairlead.labnet.addresses import DUAL_STACK, IPV4_ONLY, MAX_NODES, PLANS
from fairlead.labnet.links import (
    PodLink,
    attach_commands,
    cable_commands,
    node_commands,
    outside_commands,
    pod_commands,
    switch_commands,
)
from fairlead.model.addresses import IPFamily

NODES = [numbered_node(1, IPV4_ONLY), numbered_node(2, IPV4_ONLY)]
DUAL_NODES = [numbered_node(1, DUAL_STACK), numbered_node(2, DUAL_STACK)]
LINK = PodLink("veth1234abcd", ("10.244.1.7",), ("192.168.64.11",))
DUAL_LINK = PodLink("veth1234abcd", ("10.244.1.7", "fd00:10:244:1::7"), ("192.168.64.11", "fd00:192:168:64::11"))


def routes(commands):
    return [command.removeprefix("route ") for command in commands if command.startswith("route")]


def test_addresses_of_nodes():
    assert [(n.name, n.addresses, n.pod_cidrs) for n in NODES] == [
        ("node-1", ("192.168.64.11",), ("10.244.1.0/24",)),
        ("node-2", ("192.168.64.12",), ("10.244.2.0/24",)),
    ]
    assert DUAL_NODES[1].addresses == ("192.168.64.12", "fd00:192:168:64::12")
    assert DUAL_NODES[1].pod_cidrs == ("10.244.2.0/24", "fd00:10:244:2::/64")
    last = numbered_node(MAX_NODES, (IPFamily.IPV6, IPFamily.IPV4))
    assert last.addresses == ("fd00:192:168:64::250", "192.168.64.250")


def test_the_switch_knows_the_way_to_every_pod():
    commands = switch_commands(NODES, IPV4_ONLY)
    assert "addr add 192.168.64.1/24 dev underlay" in commands
    assert commands[-2:] == [
        "route replace 10.244.1.0/24 via 192.168.64.11",
        "route replace 10.244.2.0/24 via 192.168.64.12",
    ]
    assert routes(switch_commands(DUAL_NODES[:1], DUAL_STACK)) == [
        "add 203.0.113.0/24 dev underlay",
        "add 2001:db8:203:113::/64 dev underlay",
        "replace 10.244.1.0/24 via 192.168.64.11",
        "replace fd00:10:244:1::/64 via fd00:192:168:64::11",
    ]


def test_a_cable_ends_in_the_bridge_and_in_the_node():
    assert cable_commands(NODES[1].cable, NODES[1].address, 9, 1450) == [
        "link add node2 mtu 1450 type veth peer name eth0 address 02:00:c0:a8:40:0c mtu 1450 netns /proc/self/fd/9",
        "link set node2 master underlay up",
    ]


def test_link_layer_addresses_differ_where_ipv6_addresses_do():
    node = PLANS[IPFamily.IPV6].node
    first, second = (cable_commands("n", node.format(index), 9, 1500)[0] for index in (11, 12))
    assert first != second


@pytest.mark.parametrize(
    ("nodes", "ways"),
    [
        (
            NODES,
            [
                "add default via 192.168.64.1",
                "add 203.0.113.0/24 dev eth0",
                "replace 10.244.2.0/24 via 192.168.64.12",
            ],
        ),
        (
            DUAL_NODES,
            [
                "add default via 192.168.64.1",
                "add default via fd00:192:168:64::1",
                "add 203.0.113.0/24 dev eth0",
                "add 2001:db8:203:113::/64 dev eth0",
                "replace 10.244.2.0/24 via 192.168.64.12",
                "replace fd00:10:244:2::/64 via fd00:192:168:64::12",
            ],
        ),
    ],
)
def test_a_node_routes_to_the_other_nodes_pods_and_the_rest_to_the_switch(nodes, ways):
    assert routes(node_commands(nodes[0], nodes)) == ways


def test_ipv6_addresses_are_used_at_once():
    made = [*switch_commands(DUAL_NODES, DUAL_STACK), *node_commands(DUAL_NODES[0], []), *pod_commands(DUAL_LINK)]
    made += outside_commands(DUAL_STACK)
    assert {"addr add fd00:192:168:64::11/64 dev eth0 nodad", "addr add fd00:10:244:1::7/128 dev eth0 nodad"} < {*made}
    assert all(command.endswith("nodad") == (":" in command) for command in made if command.startswith("addr"))


def test_outside_has_routes_only_to_nodes():
    assert routes(outside_commands(IPV4_ONLY)) == ["add 192.168.64.0/24 dev eth0"]


def test_both_ends_of_a_pods_link_know_each_other_without_asking():
    node_side, pod_side = attach_commands(DUAL_LINK, 5, 1500), pod_commands(DUAL_LINK)
    assert "neigh replace 10.244.1.7 lladdr 06:00:0a:f4:01:07 dev veth1234abcd nud permanent" in node_side
    assert "neigh replace fd00:10:244:1::7 lladdr 06:00:0a:f4:01:07 dev veth1234abcd nud permanent" in node_side
    assert "neigh replace 169.254.1.1 lladdr 02:00:0a:f4:01:07 dev eth0 nud permanent" in pod_side
    assert "neigh replace fe80::1 lladdr 02:00:0a:f4:01:07 dev eth0 nud permanent" in pod_side


def test_all_that_a_pod_sends_goes_through_its_node():
    assert pod_commands(LINK)[-2:] == [
        "route add 169.254.1.1 dev eth0 scope link",
        "route add default via 169.254.1.1 dev eth0",
    ]
    assert attach_commands(LINK, 5, 1500)[-1] == "route replace 10.244.1.7/32 dev veth1234abcd src 192.168.64.11"
    assert pod_commands(DUAL_LINK)[-1] == "route add default via fe80::1 dev eth0"
    assert routes(attach_commands(DUAL_LINK, 5, 1500))[-1] == (
        "replace fd00:10:244:1::7/128 dev veth1234abcd src fd00:192:168:64::11"
    )
