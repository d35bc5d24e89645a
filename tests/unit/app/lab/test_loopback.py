"""A lab without namespaces: addresses of its nodes, and unsupported settings."""

from dataclasses import replace

import pytest
from msgspec import structs

from fairlead.allocation.load_balancer import AddressPool
from fairlead.app.lab.fork import LabError
from fairlead.app.lab.init.without_namespaces import random_below
from fairlead.app.lab.loopback import on_loopback, refusals
from fairlead.app.lab.settings import LabSettings, numbered_node
from fairlead.labnet.addresses import DUAL_STACK, IPV4_ONLY
from fairlead.labnet.balancing import LoadBalancing

NODES = tuple(numbered_node(index, IPV4_ONLY) for index in (1, 2))
USUAL = LabSettings(nodes=NODES)


def test_nodes_and_load_balancers_are_at_their_place():
    found = on_loopback(USUAL, 40)
    assert [node.addresses for node in found.nodes] == [("127.40.240.11",), ("127.40.240.12",)]
    assert [node.pod_cidrs for node in found.nodes] == [("127.40.1.0/24",), ("127.40.2.0/24",)]
    assert found.load_balancer_cidrs == ("127.40.241.0/24",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ip_families": DUAL_STACK}, "--dual-stack"),
        ({"proxy_mode": "iptables"}, "--proxy-mode iptables"),
        ({"proxy_mode": "none"}, "--proxy-mode none"),
        ({"nodes": (replace(numbered_node(1, IPV4_ONLY), proxy_mode="none"),)}, "nodes[].proxyMode none"),
        ({"publish": True}, "--publish"),
        ({"pull": True}, "--pull"),
        ({"control_plane": "/opt/kubernetes"}, "--control-plane"),
        ({"load_balancing": LoadBalancing.ONE_NODE}, "loadBalancing"),
        ({"nodes": (numbered_node(121, IPV4_ONLY),)}, "more than 120 nodes"),
        ({"nodes": (numbered_node(1, DUAL_STACK),)}, "nodes[].addresses"),
    ],
)
def test_unsupported_settings_are_named(changes, words):
    wanted = structs.replace(USUAL, **changes)
    assert any(words in each for each in refusals(wanted))
    with pytest.raises(LabError, match="without namespaces"):
        on_loopback(wanted, 40)


def test_pools_of_ones_own_must_be_the_labs():
    inside = structs.replace(USUAL, pools=(AddressPool(("127.40.245.0/28",)),))
    assert on_loopback(inside, 40).load_balancer_cidrs == ("127.40.245.0/28",)
    with pytest.raises(LabError, match=r"loadBalancerPools: 127\.41\.0\.0/28 is not in 127\.40\.0\.0/16"):
        on_loopback(structs.replace(USUAL, pools=(AddressPool(("127.41.0.0/28",)),)), 40)


def test_a_seed_makes_draws_the_same():
    one, same, other = (random_below(seed) for seed in (7, 7, 8))
    draws = [[draw(1000) for _ in range(20)] for draw in (one, same, other)]
    assert draws[0] == draws[1] != draws[2]


def test_without_a_seed_they_are_not():
    assert [random_below(None)(10**9) for _ in range(3)] != [random_below(None)(10**9) for _ in range(3)]
