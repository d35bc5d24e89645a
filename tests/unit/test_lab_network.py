"""The lab's network as iproute2 commands: who is where, and which way packets go."""

from fairlead.app.lab_settings import numbered_node
from fairlead.drivers.netns import (
    MAX_NODES,
    PodLink,
    attach_commands,
    cable_commands,
    node_commands,
    outside_commands,
    pod_commands,
    switch_commands,
)

NODES = [numbered_node(1), numbered_node(2)]
LINK = PodLink("veth1234abcd", "10.244.1.7", "192.168.64.11")


def test_where_nodes_are():
    assert [(n.name, n.address, n.pod_cidr) for n in NODES] == [
        ("node-1", "192.168.64.11", "10.244.1.0/24"),
        ("node-2", "192.168.64.12", "10.244.2.0/24"),
    ]
    assert numbered_node(MAX_NODES).address == "192.168.64.250"


def test_the_switch_knows_the_way_to_every_pod():
    commands = switch_commands(NODES)
    assert "addr add 192.168.64.1/24 dev underlay" in commands
    assert commands[-2:] == [
        "route replace 10.244.1.0/24 via 192.168.64.11",
        "route replace 10.244.2.0/24 via 192.168.64.12",
    ]


def test_a_cable_ends_in_the_bridge_and_in_the_node():
    assert cable_commands(NODES[1].cable, NODES[1].address, 9) == [
        "link add node2 type veth peer name eth0 address 02:00:c0:a8:40:0c netns /proc/self/fd/9",
        "link set node2 master underlay up",
    ]


def test_a_node_routes_to_the_other_nodes_pods_and_the_rest_to_the_switch():
    routes = [command for command in node_commands(NODES[0], NODES) if command.startswith("route")]
    assert routes == [
        "route add default via 192.168.64.1",
        "route add 203.0.113.0/24 dev eth0",
        "route replace 10.244.2.0/24 via 192.168.64.12",
    ]


def test_outside_knows_the_way_to_nodes_and_load_balancers_alone():
    routes = [command for command in outside_commands(["192.168.65.0/24"]) if command.startswith("route")]
    assert routes == ["route add 192.168.64.0/24 dev eth0", "route replace 192.168.65.0/24 dev eth0"]


def test_both_ends_of_a_pods_link_know_each_other_without_asking():
    node_side, pod_side = attach_commands(LINK, 5), pod_commands(LINK)
    assert "neigh replace 10.244.1.7 lladdr 06:00:0a:f4:01:07 dev veth1234abcd nud permanent" in node_side
    assert "neigh replace 169.254.1.1 lladdr 02:00:0a:f4:01:07 dev eth0 nud permanent" in pod_side


def test_all_that_a_pod_sends_goes_through_its_node():
    assert pod_commands(LINK)[-2:] == [
        "route add 169.254.1.1 dev eth0 scope link",
        "route add default via 169.254.1.1 dev eth0",
    ]
    assert attach_commands(LINK, 5)[-1] == "route replace 10.244.1.7/32 dev veth1234abcd src 192.168.64.11"
