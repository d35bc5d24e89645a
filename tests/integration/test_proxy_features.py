"""What the node proxy can do beside forwarding, in a real kernel with real packets."""

import pytest
from tests.integration.netlab import Net
from tests.unit.proxy_objects import endpoint, endpoint_slice, node, service, snapshot

from fairlead.dataplane import iptables_rules
from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.node_view import NodeSettings, view_node
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_text import render_restore

NODE, CLIENT, VIP = "192.168.0.2", "10.180.0.9", "10.96.0.10"
ENDPOINTS = [f"10.180.0.{number}" for number in range(1, 5)]
HEALTH_PORT, NODE_PORT, PRIVATE_PORT = 30500, 30080, 9999


@pytest.fixture(scope="module")
def net():
    net = Net([NODE])
    for address in (*ENDPOINTS, CLIENT):
        host = net.add_host(address)
        if address in ENDPOINTS:
            host.call("serve", address=address, ports=[("tcp", 80), ("udp", 80)])
    yield net
    net.close()


@pytest.fixture(autouse=True)
def _empty(net):
    net.node.run("nft", "flush", "ruleset")
    net.node.run("conntrack", "-F")


def view(**settings):
    fields = {"cluster_cidrs": ("10.180.0.0/16",), "service_cidrs": ("10.96.0.0/16",), **settings}
    return view_node(NodeSettings(**fields), "here", node(ips=(NODE,)), (NODE, "127.0.0.1"), IPFamily.IPV4)


def load_iptables(net, objects, seen):
    state = snapshot(*objects)
    parts = (iptables_rules.contribute(plan_service(state, key, seen), seen) for key in sorted(state.services))
    net.node.run("iptables-restore", "--noflush", text=render_restore(iptables_rules.assemble(parts, seen)))


def answers(net, destination, port, source=CLIENT, count=1):
    """Who answered each of these connections, and whom they saw; or what became of them, as a word."""
    arguments = {"source": source, "destination": destination, "port": port, "protocol": "tcp", "count": count}
    found = net.sender(source).call("probe", **arguments)
    return [result if isinstance(result, str) else result[0][0] for result in found]


def test_a_closed_host_still_answers_health_checks(net):
    """The rule is for hosts whose INPUT lets nothing in; it goes with the Service (flow 56)."""
    net.node.call("serve", address=NODE, ports=[("tcp", HEALTH_PORT)])
    checked = service(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=HEALTH_PORT)
    net.node.run("iptables", "-P", "INPUT", "DROP")
    load_iptables(net, [checked], view())
    assert answers(net, NODE, HEALTH_PORT) == [NODE]
    load_iptables(net, [], view())
    assert answers(net, NODE, HEALTH_PORT) == ["dropped"]


def open_loopback(net, client):
    """Let the client send to the node what is addressed to 127.0.0.1, as a hostile neighbour would."""
    net.node.call("write", path="/proc/sys/net/ipv4/conf/all/route_localnet", text="1")
    client.call("write", path="/proc/sys/net/ipv4/conf/all/route_localnet", text="1")
    client.run("ip", "address", "del", "127.0.0.1/8", "dev", "lo")
    client.run("ip", "route", "add", "127.0.0.1", "via", "169.254.1.1", "dev", "eth0")


def test_node_ports_on_localhost_let_no_neighbour_in(net):
    localhost = view(node_port_addresses=(), localhost_node_ports=True)
    web = service(ports=(("http", 80, "TCP", NODE_PORT),), type="NodePort")
    listed = [web, endpoint_slice([endpoint(ENDPOINTS[0])], ports=(("http", 80),))]
    net.node.call("serve", address="127.0.0.1", ports=[("tcp", PRIVATE_PORT)])
    open_loopback(net, net.hosts[CLIENT])
    load_iptables(net, listed, localhost)
    assert answers(net, "127.0.0.1", NODE_PORT, source="127.0.0.1") == [ENDPOINTS[0]]
    assert answers(net, "127.0.0.1", PRIVATE_PORT) == ["dropped"]
    net.node.run("iptables", "-F", "KUBE-FIREWALL")  # it is this rule alone that keeps neighbours out
    assert answers(net, "127.0.0.1", PRIVATE_PORT) == ["127.0.0.1"]
