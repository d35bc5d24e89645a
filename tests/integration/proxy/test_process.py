"""The node proxy as a process: it follows a real API server, and survives killed processes and changed tables."""

import contextlib
import itertools
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.full import IS_FULL, each_once, some_of
from tests.support.net.netlab import ATTEMPT_SECONDS, PATIENCE
from tests.support.net.proxied_cluster import CLIENT, ENDPOINTS, FAIRLEAD, NODE, SERVICE, VIP, Cluster, eventually

KILLS = some_of(2, 5)
CHANGE = 0.1  # seconds from one change of the endpoints to the next
FULL_SYNCS = "sync_full_proxy_rules_duration_seconds_count"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


BACK_ENDS = ["nft", "iptables"]
# Where a test does not say so, it is about the process and not about its rules.
each_back_end = pytest.mark.parametrize("cluster", BACK_ENDS, indirect=True)
on_iptables = pytest.mark.parametrize("cluster", BACK_ENDS if IS_FULL else ["iptables"], indirect=True)


@pytest.fixture(params=BACK_ENDS if IS_FULL else ["nft"])
def cluster(request, shared):
    shared.begin(request.param)
    yield shared
    shared.end()


@each_back_end
def test_endpoints_come_and_go(cluster):
    assert cluster.answering(seconds=PATIENCE) == {ENDPOINTS[0]}
    cluster.set_endpoints(dict.fromkeys(ENDPOINTS[:2], "ready"))
    eventually(lambda: cluster.answering() == set(ENDPOINTS[:2]))
    cluster.set_endpoints({})
    eventually(lambda: cluster.answering() == cluster.answering("udp") == {"rejected"})
    cluster.set_endpoints({ENDPOINTS[2]: "ready"})
    eventually(lambda: cluster.answering() == cluster.answering("udp") == {ENDPOINTS[2]})


def test_a_flushed_ruleset_is_put_back(cluster):
    client = cluster.net.hosts[CLIENT]
    client.call("hold", name="old", destination=VIP, port=80)
    for flushes in (1, 2):
        cluster.net.node.run("nft", "flush", "ruleset")
        eventually(lambda: cluster.answering() == {ENDPOINTS[0]})
        assert cluster.metric("sync_proxy_rules_foreign_changes_total") == flushes
        eventually(lambda count=flushes: cluster.metric(FULL_SYNCS) == 1 + count)  # counted when flows are forgotten
        assert client.call("talk", name="old", text="still there?") == "still there?"


@each_back_end
def test_a_restart_leaves_alone_what_is_right_and_mends_what_is_not(cluster):
    def handles():
        """All chains and rules with the kernel's numbers of them: what is put in place anew has another."""
        return cluster.net.node.run("nft", "-s", "-a", "list", "ruleset").splitlines()

    before = handles()
    cluster.kill_proxy()
    cluster.start_proxy()
    assert handles() == before
    cluster.kill_proxy()
    table, chain, rule = {
        "nft": ("fairlead", "refuse", 'reject comment "nobody serves this"'),
        "iptables": ("nat", "KUBE-MARK-MASQ", "counter meta mark set mark or 0x4000"),
    }[cluster.backend]
    cluster.net.node.run("nft", "flush", "chain", "ip", table, chain)
    cluster.start_proxy()
    mended = [line.split(" #")[0].strip() for line in set(handles()) - set(before)]
    assert mended == [rule]


@pytest.mark.parametrize("cluster", ["nft"], indirect=True)
def test_the_other_back_end_and_cleanup_leave_no_rules_behind(cluster):
    def tables():
        return {"fairlead": "fairlead" in cluster.net.node.run("nft", "list", "tables"), "KUBE": kube_chains() != ""}

    def kube_chains():
        return "".join(line for line in cluster.net.node.run("iptables-save").splitlines() if "KUBE-" in line)

    for backend, there in (("iptables", "KUBE"), ("nft", "fairlead")):
        cluster.kill_proxy()
        cluster.backend = backend
        cluster.start_proxy()
        assert tables() == {"fairlead": there == "fairlead", "KUBE": there == "KUBE"}
        assert cluster.answering(seconds=PATIENCE) == {ENDPOINTS[0]}
    cluster.proxy.terminate()
    cluster.proxy.wait()
    assert tables()["fairlead"]  # the rules outlive the process
    assert cluster.net.start(FAIRLEAD, "proxy", "--cleanup").wait() == 0
    assert tables() == {"fairlead": False, "KUBE": False}


def test_connections_to_gone_endpoints_are_reset_if_asked(cluster):
    """Their clients learn at once what they would learn by time-outs, for no other endpoint knows the connection."""
    client = cluster.net.hosts[CLIENT]

    def is_reset(name):
        try:
            client.call("talk", name=name, text="still there?")
        except RuntimeError as error:
            return "ConnectionResetError" in str(error)
        return False

    client.call("hold", name="left to close", destination=VIP, port=80)
    cluster.set_endpoints({ENDPOINTS[1]: "ready"})
    eventually(lambda: cluster.answering() == {ENDPOINTS[1]})
    assert not is_reset("left to close")

    cluster.kill_proxy()
    cluster.start_proxy("--reset-gone-connections")
    eventually(lambda: is_reset("left to close"))  # it finds what others have left
    client.call("hold", name="another is there", destination=VIP, port=80)
    cluster.set_endpoints({ENDPOINTS[2]: "ready"})
    eventually(lambda: is_reset("another is there"))
    client.call("hold", name="none is there", destination=VIP, port=80)
    cluster.set_endpoints({})
    eventually(lambda: is_reset("none is there"))


@pytest.mark.parametrize("cluster", ["nft"], indirect=True)
def test_virtual_ips_of_a_new_service_cidr_are_dropped_until_a_service_has_them(cluster):
    def became(seconds=ATTEMPT_SECONDS):
        return set(ask(cluster, "10.97.0.9", seconds))

    assert "dropped" not in became(PATIENCE)
    spec = {"cidrs": ["10.97.0.0/16"]}
    cluster.apply(
        {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "more"}, "spec": spec}
    )
    eventually(lambda: became() == {"dropped"})
    cluster.patch_service({"spec": {"externalIPs": ["10.97.0.9"]}})
    eventually(lambda: became() == {ENDPOINTS[0]})


def ask(cluster, destination, seconds):
    """Who answers two connections of the client in time, or what becomes of them."""
    arguments = {"source": CLIENT, "destination": destination, "port": 80, "protocol": "tcp", "count": 2}
    results = cluster.net.hosts[CLIENT].call("probe", **arguments, seconds=seconds)
    return [result if isinstance(result, str) else result[0][0] for result in results]


def test_killed_and_started_again_it_converges_and_breaks_no_connection(cluster):
    client = cluster.net.hosts[CLIENT]
    assert client.call("hold", name="old", destination=VIP, port=80)[0][0] == ENDPOINTS[0]
    for endpoint in ENDPOINTS[1:]:
        cluster.kill_proxy()
        assert client.call("talk", name="old", text="still there?") == "still there?"
        assert cluster.answering(seconds=PATIENCE) != {"dropped"}  # the rules work while nobody minds them
        cluster.set_endpoints({endpoint: "ready"})
        cluster.start_proxy()
        eventually(lambda endpoint=endpoint: cluster.answering() == {endpoint})
        assert client.call("talk", name="old", text="and now?") == "and now?"


def test_killed_at_random_moments_under_change_it_converges_and_breaks_no_connection(cluster):
    """Endpoints come and go all the time; the first stays, and so must the connections to it, old and new."""
    client, choose = cluster.net.hosts[CLIENT], random.Random(5)
    client.call("hold", name="old", destination=VIP, port=80)
    client.call("load", destination=VIP, port=80)
    for _ in range(KILLS):
        with keep_changing(cluster, choose):
            time.sleep(choose.uniform(0, 0.4))  # the moment of death
            cluster.kill_proxy()
            cluster.start_proxy()
        assert client.call("talk", name="old", text="still there?") == "still there?"
    last = choose.sample(ENDPOINTS, 2)
    cluster.set_endpoints(dict.fromkeys(last, "ready"))
    eventually(lambda: cluster.answering() == cluster.answering("udp") == set(last))
    eventually(lambda: client.call("load_so_far")["counts"]["tcp"] > 100)
    seen = client.call("end_load")
    assert [failure for failure in seen["failures"] if failure.startswith("tcp")] == []
    assert seen["counts"]["tcp"] > 100
    # The one full sync is that of the last start: all that followed were changes, and none failed.
    assert cluster.metric(FULL_SYNCS) == 1
    assert cluster.metric("sync_proxy_rules_nftables_sync_failures_total") == 0


@contextlib.contextmanager
def keep_changing(cluster, choose):
    """Another set of endpoints again and again, each with the first, which stays ready."""
    states, is_over = [choose.choices(["ready", "draining", ""], k=3) for _ in range(100)], threading.Event()

    def change():
        for some in itertools.cycle(states):
            rest = {address: state for address, state in zip(ENDPOINTS[1:], some, strict=True) if state}
            cluster.set_endpoints({ENDPOINTS[0]: "ready", **rest})
            if is_over.wait(CHANGE):
                return

    with ThreadPoolExecutor(1) as thread:
        changes = thread.submit(change)
        yield
        is_over.set()
        changes.result()


@on_iptables
def test_a_rolling_replacement_fails_no_request_and_udp_follows(cluster):
    client = cluster.net.hosts[CLIENT]

    def is_asked(endpoint, count):
        """Whether the flow is with this endpoint, and there were more than so many requests."""
        seen = client.call("load_so_far")
        return seen["udp"][-1:] == [endpoint] and min(seen["counts"].values()) > count

    client.call("load", destination=VIP, port=80)
    for number, (old, new) in enumerate(itertools.pairwise(ENDPOINTS)):
        # So that each has its turn.
        eventually(lambda old=old, count=7 * number: is_asked(old, count))
        cluster.set_endpoints({old: "ready", new: "ready"})
        cluster.set_endpoints({old: "draining", new: "ready"})
        cluster.set_endpoints({new: "ready"})
    eventually(lambda: is_asked(ENDPOINTS[-1], 20))
    seen = client.call("end_load")
    assert seen["failures"] == []
    # Rules come first, then the stale flow is forgotten: a reply that is under way just then finds no flow to be
    # translated by, and arrives from the endpoint's own address. No other datagram may be lost, and no more than one
    # for each endpoint that goes.
    assert set(seen["untranslated"]) <= set(ENDPOINTS[:-1])
    assert len(seen["untranslated"]) == len(set(seen["untranslated"]))
    assert min(seen["counts"].values()) > 20
    assert [endpoint for endpoint, _ in itertools.groupby(seen["udp"])] == ENDPOINTS


@on_iptables
def test_a_client_keeps_its_endpoint_until_that_goes(cluster):
    cluster.set_endpoints(dict.fromkeys(ENDPOINTS, "ready"))
    eventually(lambda: len(cluster.answering()) > 1)
    cluster.patch_service({"spec": {"sessionAffinity": "ClientIP"}})
    (chosen,) = eventually(lambda: len(found := cluster.answering(seconds=PATIENCE)) == 1 and found)
    for _ in range(5):
        assert cluster.answering(seconds=PATIENCE) == {chosen}
    cluster.kill_proxy()
    cluster.start_proxy()
    assert cluster.answering(seconds=PATIENCE) == {chosen}  # the next proxy does not forget
    cluster.set_endpoints({address: "ready" for address in ENDPOINTS if address != chosen})
    (other,) = eventually(lambda: len(found := cluster.answering(seconds=PATIENCE) - {chosen}) == 1 and found)
    assert cluster.answering(seconds=PATIENCE) == {other}


def test_a_client_keeps_its_endpoint_when_the_timeout_changes(cluster):
    def set_timeout(seconds):
        config = {"clientIP": {"timeoutSeconds": seconds}}
        cluster.patch_service({"spec": {"sessionAffinity": "ClientIP", "sessionAffinityConfig": config}})
        words = {"nft": ("nft", "list", "ruleset"), "iptables": ("iptables-save",)}[cluster.backend]
        spelled = {"nft": f"timeout {seconds}s\n", "iptables": f"--seconds {seconds} "}[cluster.backend]
        eventually(lambda: spelled in cluster.net.node.run(*words))

    cluster.set_endpoints(dict.fromkeys(ENDPOINTS, "ready"))
    set_timeout(59)
    (chosen,) = eventually(lambda: len(found := cluster.answering(seconds=PATIENCE)) == 1 and found)
    client = cluster.net.hosts[CLIENT]
    client.call("load", destination=VIP, port=80)
    for seconds in (31, 58, 45):
        set_timeout(seconds)
        assert cluster.answering(seconds=PATIENCE) == {chosen}
    assert client.call("end_load")["failures"] == []
    cluster.kill_proxy()
    set_timeout_while_down = {"clientIP": {"timeoutSeconds": 30}}
    cluster.patch_service({"spec": {"sessionAffinityConfig": set_timeout_while_down}})
    cluster.start_proxy()
    assert cluster.answering(seconds=PATIENCE) == {chosen}
    assert cluster.metric("sync_proxy_rules_nftables_sync_failures_total") == 0


FIREWALLS = {
    "nft": (
        "table inet fw { chain way { type filter hook forward priority 0; policy drop; iif lo accept; }; }",
        "chain way of table inet fw",
    ),
    "iptables": ("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n", "chain FORWARD of table ip filter"),
}


@pytest.mark.parametrize("cluster", ["nft"], indirect=True)
@pytest.mark.parametrize("firewall", FIREWALLS)
def test_a_blocking_host_firewall_is_reported_with_a_fixing_rule(cluster, firewall):
    """The rule that is named is carried out as it is named, and then Services are reached."""
    rules, named = FIREWALLS[firewall]
    program = {"nft": ("nft", "-f", "-"), "iptables": ("iptables-restore", "--noflush")}[firewall]
    assert cluster.answering(seconds=PATIENCE) == {ENDPOINTS[0]}
    cluster.net.node.run(*program, text=rules)
    assert cluster.answering() == {"dropped"}
    eventually(lambda: cluster.metric("host_firewall_dropping_chains") == 1, 120)
    (said,) = eventually(lambda: [text for text in node_events(cluster) if text.startswith(named)])
    cluster.net.node.run(*said.partition("what would admit them: ")[2].split())
    assert cluster.answering(seconds=PATIENCE) == {ENDPOINTS[0]}
    eventually(lambda: cluster.metric("host_firewall_dropping_chains") == 0, 120)


def node_events(cluster):
    """What Events say of the host's firewall."""
    listed = cluster.ask("GET", "/api/v1/events")["items"]
    return [event["message"] for event in listed if event["reason"] == "HostFirewallDropsServices"]


ASK_FROM_ONE_PORT = """
import socket, sys, time
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.bind((sys.argv[1], 5353))
asking.settimeout(0.1)
end = time.monotonic() + float(sys.argv[4])
while time.monotonic() < end:
    try:
        asking.sendto(b"?", (sys.argv[2], int(sys.argv[3])))
        print(asking.recvfrom(500)[0].decode())
        break
    except OSError:
        time.sleep(0.05)
"""


@pytest.mark.parametrize(("cluster", "addresses"), each_once(BACK_ENDS, ["primary", "0.0.0.0/0"]), indirect=["cluster"])
def test_a_udp_client_that_keeps_its_port_finds_a_node_port_that_comes_later(cluster, addresses):
    """Its flow is known to connection tracking by then, as one to the node itself."""
    cluster.kill_proxy()
    cluster.start_proxy("--nodeport-addresses", addresses)
    command = (sys.executable, "-c", ASK_FROM_ONE_PORT, CLIENT, NODE, "30053", "120")
    client = cluster.net.start(*command, host=cluster.net.hosts[CLIENT], stdout=subprocess.PIPE, text=True)
    eventually(lambda: "dport=30053" in cluster.net.node.run("conntrack", "-L", "-p", "udp"))
    ports = [*SERVICE["spec"]["ports"][:1], {**SERVICE["spec"]["ports"][1], "nodePort": 30053}]
    cluster.apply({**SERVICE, "spec": {**SERVICE["spec"], "type": "NodePort", "ports": ports}})
    answer, _ = client.communicate()
    assert ENDPOINTS[0] in answer
