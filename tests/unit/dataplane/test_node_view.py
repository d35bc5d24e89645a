"""A node's view from its settings."""

import pytest

from fairlead.dataplane.forwarding import PodTraffic
from fairlead.dataplane.node_view import DetectLocal, NodeSettings, view_node
from fairlead.model.addresses import IPFamily
from tests.support.proxy_objects import node

OWN = ("127.0.0.1", "192.168.0.2", "172.16.0.2", "fd00::2")


def view(family=IPFamily.IPV4, ips=("192.168.0.2", "fd00::2"), **settings):
    return view_node(NodeSettings(**settings), "here", node(ips=ips), OWN, family)


# node_port_addresses, family -> where node ports answer; None: everywhere
NODE_PORTS = [
    (("primary",), IPFamily.IPV4, ("192.168.0.2",)),
    (("primary",), IPFamily.IPV6, ("fd00::2",)),
    (("172.16.0.0/16",), IPFamily.IPV4, ("172.16.0.2",)),
    (("172.16.0.0/16",), IPFamily.IPV6, None),
    (("0.0.0.0/0",), IPFamily.IPV4, None),
    ((), IPFamily.IPV4, None),
]


@pytest.mark.parametrize(("wanted", "family", "ips"), NODE_PORTS)
def test_where_node_ports_answer(wanted, family, ips):
    assert view(family, node_port_addresses=wanted).node_port_ips == ips


def test_a_node_without_a_known_address_answers_everywhere():
    assert view(ips=()).node_port_ips is None
    assert view(ips=("127.0.0.1",)).node_port_ips is None


# settings -> which traffic is Pods'
POD_TRAFFIC = [
    ({"cluster_cidrs": ("fd00::/8", "10.0.0.0/8", "11.0.0.0/8")}, PodTraffic(cidr="10.0.0.0/8")),
    ({}, PodTraffic()),
    ({"detect_local": DetectLocal.NODE_CIDR}, PodTraffic(cidr="10.180.0.0/24")),
    ({"detect_local": DetectLocal.BRIDGE_INTERFACE, "bridge_interface": "cni0"}, PodTraffic(interface="cni0")),
    (
        {"detect_local": DetectLocal.INTERFACE_NAME_PREFIX, "interface_name_prefix": "veth"},
        PodTraffic(interface="veth", is_prefix=True),
    ),
]


@pytest.mark.parametrize(("settings", "pods"), POD_TRAFFIC)
def test_how_pods_are_recognised(settings, pods):
    assert view(**settings).pod_traffic == pods


# node_port_addresses, family -> addresses (None: all), and whether loopback is among them when that is asked for
LOCALHOST = [
    ((), IPFamily.IPV4, None, True),
    (("0.0.0.0/0",), IPFamily.IPV4, None, True),
    (("127.0.0.0/8", "192.168.0.0/16"), IPFamily.IPV4, ("127.0.0.1", "192.168.0.2"), True),
    (("192.168.0.0/16",), IPFamily.IPV4, ("192.168.0.2",), False),
    (("primary",), IPFamily.IPV4, ("192.168.0.2",), False),
    ((), IPFamily.IPV6, None, False),
]


@pytest.mark.parametrize(("wanted", "family", "ips", "is_there"), LOCALHOST)
def test_node_ports_answer_on_loopback_only_if_asked_and_listed(wanted, family, ips, is_there):
    asked = view(family, node_port_addresses=wanted, localhost_node_ports=True)
    assert (asked.node_port_ips, asked.localhost_node_ports) == (ips, is_there)
    unasked = view(family, node_port_addresses=wanted)
    assert "127.0.0.1" not in (unasked.node_port_ips or ())
    assert not unasked.localhost_node_ports
