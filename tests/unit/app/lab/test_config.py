"""The configuration file of a lab."""

import pytest

from fairlead.allocation.load_balancer import AddressPool
from fairlead.app.lab.config import image_of, read_config
from fairlead.app.lab.config_nodes import ConfigError
from fairlead.app.lab.settings import Timers, numbered_node
from fairlead.labnet.addresses import DUAL_STACK, IPV4_ONLY
from fairlead.nodeagent.images import Image

pytestmark = pytest.mark.io  # files, sockets or processes


@pytest.fixture
def read(tmp_path):
    def read(text: str):
        path = tmp_path / "lab.yaml"
        path.write_text(text)
        return read_config(path)

    return read


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("", {}),
        ("images: {}", {}),
        ("images: {'nginx*': \"serve --root '/my files'\"}", {"nginx*": Image(("serve", "--root", "/my files"))}),
        (
            "images: {db: {entrypoint: [run, a b], args: start -v, env: {PORT: '80'}}}",
            {"db": Image(("run", "a b"), ("start", "-v"), {"PORT": "80"})},
        ),
    ],
)
def test_images(read, text, images):
    assert read(text).images == images


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("imges: {}", "Object contains unknown field `imges`; known here: images, nodes, timers, loadBalancerPools"),
        ("images: [a]", "images: Expected `object`, got `array`"),
        ("- images", "Expected `object`, got `array`"),
        ("images: {a: {entry: x}}", 'images["a"]: Object contains unknown field `entry`; known here: entrypoint, args'),
        ("images: {a: {env: {PORT: 80}}}", 'images["a"].env[...]: Expected `str`, got `int`'),
        ("images: {a: {args: 7}}", 'images["a"].args: Expected `str | array`, got `int`'),
        ("images: {a: 7}", 'images["a"]: Expected `object`, got `int`'),
        ('images: {a: "it\'s"}', 'images["a"]: No closing quotation'),
        ("images: {a", "expected ',' or '}'"),
        ("nodes: [{name: Bad_Name}]", "nodes[0].name: a lowercase RFC 1123 label must consist of"),
        ("nodes: [{name: a}, {name: a}]", "nodes[1].name: 'a' is taken"),
        ("nodes: [{addresses: [10.0.0.1]}]", "nodes[0].addresses[0]: '10.0.0.1' is not an address in 192.168.64.0/24"),
        ("nodes: [{proxyMode: off}]", "nodes[0].proxyMode: Expected `str | null`, got `bool`"),
        ("proxyMode: ipvs", "proxyMode: Invalid enum value 'ipvs'"),
        ("nodes: [{addresses: [x]}]", "nodes[0].addresses[0]: 'x' is not an address in 192.168.64.0/24"),
        ("nodes: [{addresses: [192.168.64.1]}]", "nodes[0].addresses[0]: '192.168.64.1' is taken"),
        ("nodes: [{}, {addresses: [192.168.64.12, 192.168.64.11]}]", "nodes[1].addresses[1]: '192.168.64.11' is taken"),
        ("nodes: [{podCIDRs: [10.0.0.0/24]}]", "nodes[0].podCIDRs[0]: 10.0.0.0/24 is not in 10.244.0.0/16"),
        ("nodes: [{podCIDRs: [10.244.2.0/23]}, {}]", "nodes[1].podCIDRs: 10.244.2.0/24 overlaps with 10.244.2.0/23"),
        ("nodes: [{podCIDRs: [10.244.2.1/24]}]", "nodes[0].podCIDRs[0]: 10.244.2.1/24 has host bits set"),
        ("nodes: [{podCIDRs: [10.244.1.0/24, 10.244.2.0/24]}]", "nodes[0].podCIDRs: may specify no more than one CIDR"),
        ("nodes: [{addresses: ['fd00:192:168:64::5']}]", "'fd00:192:168:64::5' is not an address in 192.168.64.0/24"),
        (
            "{ipFamilies: [IPv4, IPv6], nodes: [{}, {addresses: ['fd00:192:168:64::0:11']}]}",
            "nodes[1].addresses[0]: 'fd00:192:168:64::11' is taken",
        ),
        (
            "{ipFamilies: [IPv4, IPv6], nodes: [{podCIDRs: ['fd00:10:245::/64']}]}",
            "nodes[0].podCIDRs[0]: fd00:10:245::/64 is not in 10.244.0.0/16 or fd00:10:244::/48",
        ),
        ("ipFamilies: []", "ipFamilies: Expected `array` of length >= 1"),
        ("ipFamilies: [IPv5]", "ipFamilies[0]: Invalid enum value 'IPv5'"),
        ("ipFamilies: [IPv6, IPv6]", "ipFamilies[1]: 'IPv6' is taken"),
        ("loadBalancerPools: [{cidrs: ['fd00::/120']}]", "loadBalancerPools[0].cidrs[0]: fd00::/120 is IPv6, of which"),
        ("nodes: [{zones: a}]", "nodes[0]: Object contains unknown field `zones`"),
        ("timers: {heartbeat: 0}", "timers.heartbeat: Expected `float` > 0.0"),
        ("loadBalancerPools: [{cidrs: [192.0.2.300/24]}]", "loadBalancerPools[0].cidrs[0]: '192.0.2.300/24' does not"),
    ],
)
def test_faults_name_their_field(read, text, message):
    with pytest.raises(ConfigError) as refusal:
        read(text)
    assert message in str(refusal.value)
    assert "lab.yaml: " in str(refusal.value)


ROUTERS = "bgp: {asn: 64512, peers: [{address: 203.0.113.10, asn: 64513}]}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "spread"),
        ("loadBalancing: one-node", "one-node"),
        (ROUTERS, "bgp"),
        (f"{{loadBalancing: bgp, {ROUTERS}}}", "bgp"),
    ],
)
def test_load_balancing(read, text, expected):
    assert read(text).load_balancing == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loadBalancing: somehow", "loadBalancing: Invalid enum value 'somehow'"),
        ("loadBalancing: bgp", "bgp: with loadBalancing bgp, the AS number and the routers are required"),
        (f"{{loadBalancing: spread, {ROUTERS}}}", "loadBalancing: spread does not use bgp: remove one of them"),
        ("bgp: {asn: 1, peers: [{address: here, asn: 1}]}", "bgp.peers[0].address: 'here' is not an IP address"),
    ],
)
def test_load_balancing_that_cannot_be(read, text, message):
    with pytest.raises(ConfigError) as refusal:
        read(text)
    assert message in str(refusal.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        read_config(tmp_path / "none.yaml")


def test_a_command_line_takes_more_arguments():
    assert image_of("sh -c") == Image(entrypoint=("sh", "-c"))


def test_nodes(read):
    first, second = read(
        "nodes: [{}, {name: b, zone: west, labels: {disk: ssd}, addresses: [192.168.64.50, 192.168.64.51], "
        "podCIDRs: [10.244.128.0/20]}]"
    ).nodes
    assert first == numbered_node(1, IPV4_ONLY)
    assert (second.name, second.addresses) == ("b", ("192.168.64.50", "192.168.64.51"))
    assert second.pod_cidrs == ("10.244.128.0/20",)
    assert second.labels == {"topology.kubernetes.io/zone": "west", "disk": "ssd"}


def test_nodes_of_two_families(read):
    settings = read(
        "{ipFamilies: [IPv6, IPv4], nodes: [{}, {addresses: [192.168.64.50, 'fd00:192:168:64::0:50', 192.168.64.51]}, "
        "{podCIDRs: ['fd00:10:244:f::/64']}]}"
    )
    assert settings.ip_families == ("IPv6", "IPv4")
    assert settings.nodes[0] == numbered_node(1, settings.ip_families)
    assert settings.nodes[1].addresses == ("fd00:192:168:64::50", "192.168.64.50", "192.168.64.51")
    assert settings.nodes[2].pod_cidrs == ("fd00:10:244:f::/64", "10.244.3.0/24")
    assert settings.load_balancer_cidrs == ("fd00:192:168:65::/112", "192.168.65.0/24")


def test_two_families_are_asked_for_once(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text("nodes: [{}]")
    assert read_config(path, dual_stack=True).nodes == (numbered_node(1, DUAL_STACK),)
    path.write_text("ipFamilies: [IPv4]")
    with pytest.raises(ConfigError, match="ipFamilies: the option --dual-stack sets them as well"):
        read_config(path, dual_stack=True)


def test_timers_are_upstreams_by_default(read):
    assert read("timers: {nodeGrace: 3}").timers == Timers(heartbeat=10, node_grace=3, eviction=300)


def test_pools(read):
    assert read("").load_balancer_cidrs == ("192.168.65.0/24",)
    settings = read("loadBalancerPools: [{cidrs: [192.0.2.0/28], namespaces: [a], loadBalancerClass: example.com/b}]")
    assert settings.load_balancer_pools == (AddressPool(("192.0.2.0/28",), ("a",), "example.com/b"),)


def test_policies_are_enforced_unless_it_says_not_to(read):
    assert read("").network_policies
    assert not read("networkPolicies: false").network_policies


def test_a_node_has_the_proxy_that_it_asks_for_or_else_that_of_the_lab(read):
    found = read("proxyMode: none\nnodes: [{}, {proxyMode: nftables}, {proxyMode: iptables}]")
    assert [found.proxy_mode_of(node) for node in found.nodes] == ["none", "nft", "iptables"]
