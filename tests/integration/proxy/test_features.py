"""What the node proxy can do beside forwarding, in a real kernel with real packets."""

import asyncio
import json
import socket
import sys
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from fairlead.dataplane import iptables_rules, nft_rules, nft_skeleton
from fairlead.dataplane.balancing import BALANCING_ANNOTATION, WEIGHTS_ANNOTATION
from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.health import LocalHealth
from fairlead.dataplane.incremental import build
from fairlead.dataplane.node_view import NodeSettings, view_node
from fairlead.drivers.proxy.healthcheck_server import HealthCheckServers
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.netfilter.iptables_text import render_restore
from fairlead.netfilter.nft_text import render_table
from tests.support.net.netlab import ATTEMPT_SECONDS, PATIENCE, Net
from tests.support.net.ports import free_port
from tests.support.proxy_objects import endpoint, endpoint_slice, node, service, snapshot

FAIRLEAD = str(Path(sys.executable).parent / "fairlead")
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


def load_nft(net, objects, seen):
    net.node.run("nft", "flush", "ruleset")
    table, _ = build(snapshot(*objects), seen, nft_skeleton.skeleton(seen), nft_rules.service_part)
    net.node.run("nft", "-f", "-", text=render_table(nft_skeleton.table_name(IPFamily.IPV4), table))


both_back_ends = pytest.mark.parametrize("load", [load_nft, load_iptables])


def web(endpoints, ports=(("http", 80),), **fields):
    """A Service and its Pods web-0, web-1 and so on."""
    pods = [endpoint(a, targetRef={"kind": "Pod", "name": f"web-{i}"}) for i, a in enumerate(endpoints)]
    return service(ports=ports, **fields), endpoint_slice(pods, ports=(("http", 80),))


def answers(net, destination, port, source=CLIENT, count=1, seconds=PATIENCE):
    """Who answered each of these connections in time; or what became of them, as a word."""
    return ask(net.sender(source), source, destination, port, count, seconds)


def ask(worker, source, destination, port, count, seconds=PATIENCE):
    arguments = {"source": source, "destination": destination, "port": port, "protocol": "tcp", "count": count}
    found = worker.call("probe", **arguments, seconds=seconds)
    return [result if isinstance(result, str) else result[0][0] for result in found]


def test_a_closed_host_still_answers_health_checks(net):
    """The rule is for hosts whose INPUT lets nothing in; it goes with the Service (flow 56)."""
    net.node.call("serve", address=NODE, ports=[("tcp", HEALTH_PORT)])
    checked = service(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=HEALTH_PORT)
    net.node.run("iptables", "-P", "INPUT", "DROP")
    load_iptables(net, [checked], view())
    assert answers(net, NODE, HEALTH_PORT) == [NODE]
    load_iptables(net, [], view())
    assert answers(net, NODE, HEALTH_PORT, seconds=ATTEMPT_SECONDS) == ["dropped"]


def open_loopback(net, client):
    """Let the client send to the node what is addressed to 127.0.0.1, as a hostile neighbour would."""
    net.node.call("write", path="/proc/sys/net/ipv4/conf/all/route_localnet", text="1")
    client.call("write", path="/proc/sys/net/ipv4/conf/all/route_localnet", text="1")
    client.run("ip", "address", "del", "127.0.0.1/8", "dev", "lo")
    client.run("ip", "route", "add", "127.0.0.1", "via", "169.254.1.1", "dev", "eth0")


def test_node_ports_on_localhost_let_no_neighbour_in(net):
    localhost = view(node_port_addresses=(), localhost_node_ports=True)
    listed = web(ENDPOINTS[:1], ports=(("http", 80, "TCP", NODE_PORT),), type="NodePort")
    net.node.call("serve", address="127.0.0.1", ports=[("tcp", PRIVATE_PORT)])
    open_loopback(net, net.hosts[CLIENT])
    load_iptables(net, listed, localhost)
    assert answers(net, "127.0.0.1", NODE_PORT, source="127.0.0.1") == [ENDPOINTS[0]]
    assert answers(net, "127.0.0.1", PRIVATE_PORT, seconds=ATTEMPT_SECONDS) == ["dropped"]
    net.node.run("iptables", "-F", "KUBE-FIREWALL")  # it is this rule alone that keeps neighbours out
    assert answers(net, "127.0.0.1", PRIVATE_PORT) == ["127.0.0.1"]


@both_back_ends
def test_a_cluster_ip_belongs_to_its_service_whatever_others_claim(net, load):
    """CVE-2020-8554: the thief's name comes first, and it names the address for a port more than the owner has."""
    thief, stolen = "a-thief", (("http", 80), ("more", 81))
    owner = web(ENDPOINTS[:1])
    rival = (
        service(thief, "10.96.0.66", stolen, externalIPs=[VIP]),
        endpoint_slice([endpoint(ENDPOINTS[1])], thief, (("http", 80), ("more", 80))),
    )
    load(net, (*owner, *rival), view())
    assert set(answers(net, VIP, 80, count=8)) == {ENDPOINTS[0]}
    assert ENDPOINTS[1] not in answers(net, VIP, 81, seconds=ATTEMPT_SECONDS)
    assert answers(net, "10.96.0.66", 80) == [ENDPOINTS[1]]
    net.node.run("conntrack", "-F")
    load(net, rival, view())
    assert answers(net, VIP, 80) == answers(net, VIP, 81) == [ENDPOINTS[1]]  # nobody's address may be served


@both_back_ends
def test_connections_are_spread_by_weight(net, load):
    """Of 480 connections a quarter goes to one of two endpoints: 120, within five standard deviations of 9.5."""
    load(net, web(ENDPOINTS[:3], annotations={WEIGHTS_ANNOTATION: "web-0=1, web-1=3, *=0"}), view())
    counts = Counter(answer for _ in range(10) for answer in answers(net, VIP, 80, count=48))
    print(counts)
    assert set(counts) == set(ENDPOINTS[:2])
    assert sum(counts.values()) == 480
    assert 72 < counts[ENDPOINTS[0]] < 168, counts


MANY = [f"10.181.0.{number}" for number in range(1, 65)]


def add_clients(net):
    """More addresses for the client."""
    net.node.run("ip", "route", "replace", "10.181.0.0/24", "via", CLIENT)
    for address in MANY:
        net.hosts[CLIENT].run("ip", "address", "replace", f"{address}/32", "dev", "lo")


def assigned(net, destination, port=80):
    """The endpoint of each client; that of one that has more than one is a failure."""
    found = {}
    for address in MANY:
        seen = set(ask(net.hosts[CLIENT], address, destination, port, 3))
        assert len(seen) == 1, (address, seen)
        (found[address],) = seen
    return found


def test_a_hash_keeps_each_client_with_its_endpoint(net):
    """64 clients on 4 endpoints: 16 each, within five standard deviations of 3.5; one that goes moves only its own."""
    by_source = {"annotations": {BALANCING_ANNOTATION: "source-hash"}, "ports": (("http", 80, "TCP", NODE_PORT),)}
    add_clients(net)
    load_nft(net, web(ENDPOINTS, **by_source), view())
    before = assigned(net, VIP)
    counts = Counter(before.values())
    print(counts)
    assert set(counts) == set(ENDPOINTS)
    assert max(counts.values()) < 34, counts
    assert assigned(net, NODE, NODE_PORT) == before  # whichever address the client uses

    load_nft(net, web(ENDPOINTS[:3], **by_source), view())
    after = assigned(net, VIP)
    moved = {address for address in MANY if after[address] != before[address]}
    assert moved == {address for address in MANY if before[address] == ENDPOINTS[3]}


def http(host, port):
    """The status, the headers and the document of a health check; None when nobody listens."""
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/any/path", timeout=PATIENCE) as reply:
            return reply.status, reply.headers, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, json.load(error)
    except urllib.error.URLError:
        return None


async def served(servers, changes, hosts, *asked):
    await servers.follow(changes, hosts)
    return [await asyncio.to_thread(http, host, port) for host, port in asked]


def test_health_checks_answer_on_the_addresses_of_node_ports():
    failures, is_healthy = [], [True]
    web = ObjectKey("ns", "web")

    async def scenario():
        servers = HealthCheckServers(lambda: is_healthy[0], lambda *failure: failures.append(failure[:2]))
        with socket.create_server(("127.0.0.1", free_port())) as taken:
            port = taken.getsockname()[1]
            asked = ("127.0.0.1", port), ("[::1]", port)
            await servers.follow({web: LocalHealth(web, port, 2)}, ["127.0.0.1"])
            assert failures == [(web, port)]
        (status, headers, document), v6 = await served(servers, {web: LocalHealth(web, port, 2)}, ["127.0.0.1"], *asked)
        assert (status, v6) == (200, None)
        assert headers["X-Load-Balancing-Endpoint-Weight"] == "2"
        assert document == {
            "service": {"namespace": "ns", "name": "web"}, "localEndpoints": 2, "serviceProxyHealthy": True
        }  # fmt: skip
        v4, (status, *_) = await served(servers, {}, ["::1"], *asked)  # the node's addresses have changed
        assert (v4, status) == (None, 200)
        is_healthy[0] = False
        _, (status, _, document) = await served(servers, {}, ["::1"], *asked)
        assert (status, document["serviceProxyHealthy"]) == (503, False)
        is_healthy[0] = True
        _, (status, *_) = await served(servers, {web: LocalHealth(web, port, 0)}, ["::1"], *asked)
        assert status == 503
        assert await served(servers, {web: None}, ["::1"], *asked) == [None, None]

    asyncio.run(scenario())


CLOSE_WAIT = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait"


def test_kernel_settings_are_made_only_in_a_namespace_that_is_ours(net):
    def init(seconds, *prefix):
        command = (
            FAIRLEAD,
            "proxy",
            "--node",
            "here",
            "--init-only",
            "--conntrack-tcp-timeout-close-wait",
            f"{seconds}s",
        )
        net.node.run(*prefix, *command)
        return net.node.run("cat", CLOSE_WAIT).strip()

    assert init(123) == "123"
    # In a user namespace of its own, in a network namespace that another one owns.
    assert init(77, "unshare", "-Ur") == "123"
