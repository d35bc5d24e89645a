"""From kube-proxy to Fairlead and back, with traffic running and nothing lost."""

import re
import subprocess

import pytest

from tests.support import kube_proxy_rules
from tests.support.full import each_once
from tests.support.net.netlab import PATIENCE
from tests.support.net.proxied_cluster import CLIENT, ENDPOINTS, FAIRLEAD, VIP, Cluster, eventually

OLD, NEW = ENDPOINTS[:2]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


def load_nft(node):
    node.run("nft", "-f", "-", text=kube_proxy_rules.nftables(VIP, OLD))


def load_iptables(program, *, is_old=False):
    def load(node):
        node.run(f"{program}-restore", "--noflush", text=kube_proxy_rules.iptables(VIP, OLD, is_old=is_old))
        node.run(f"{program}-restore", "--noflush", text=kube_proxy_rules.FOREIGN)

    return load


def left(node):
    """What of a node proxy is in the kernel: chains of either implementation of iptables, and nft tables."""
    saved = "".join(node.run(f"{program}-save") for program in ("iptables-nft", "iptables-legacy", "ip6tables-nft"))
    chains = set(re.findall(r"^:(KUBE-\S+)", saved, re.MULTILINE)) - {"KUBE-ROUTER-HAIRPIN"}
    return chains | set(
        re.findall(r"^table ip6? (kube-proxy|fairlead)$", node.run("nft", "list", "tables"), re.MULTILINE)
    )


THEIRS = {
    "nftables": load_nft,
    "iptables": load_iptables("iptables-nft"),
    "iptables as it was spelled long ago": load_iptables("iptables-nft", is_old=True),
    "iptables-legacy": load_iptables("iptables-legacy"),
}


@pytest.mark.parametrize(("theirs", "backend"), each_once(list(THEIRS), ["nft", "iptables"]))
def test_a_client_loses_nothing_and_both_leave_nothing_behind(shared, theirs, backend):
    node, client = shared.net.node, shared.net.hosts[CLIENT]
    THEIRS[theirs](node)
    assert shared.answering(seconds=PATIENCE) == {OLD}
    client.call("hold", name="old", destination=VIP, port=80)
    client.call("load", destination=VIP, port=80)
    shared.begin(backend)
    try:
        assert not left(node) & {"kube-proxy", "KUBE-PROXY-CANARY", "KUBE-MARK-DROP", "KUBE-SVC-0000000000000000"}
        assert left(node) == {"fairlead"} or backend == "iptables"
        shared.set_endpoints({OLD: "ready", NEW: "ready"})
        shared.set_endpoints({NEW: "ready"})
        eventually(lambda: shared.answering() == shared.answering("udp") == {NEW})  # theirs would go on using the old
        seen = client.call("end_load")
        assert seen["failures"] == []
        assert min(seen["counts"].values()) > 5
        assert client.call("talk", name="old", text="still there?") == "still there?"
        shared.kill_proxy()
        told = node.run(FAIRLEAD, "proxy", "--cleanup")
        assert left(node) == set()
        assert ("nft: table ip fairlead" if backend == "nft" else "iptables: ") in told
        assert node.run(FAIRLEAD, "proxy", "--cleanup") == "there are no rules of a node proxy\n"
        if theirs != "nftables":
            assert "MINE" in node.run("iptables-nft-save") + node.run("iptables-legacy-save")
    finally:
        shared.end()
        node.run("iptables-legacy-restore", text="*nat\nCOMMIT\n*filter\nCOMMIT\n*mangle\nCOMMIT\n")


def test_kube_proxy_comes_back_before_ours_goes(shared):
    """The way back: kube-proxy writes its rules beside ours, and only ours are taken away."""
    node, client = shared.net.node, shared.net.hosts[CLIENT]
    shared.begin("nft")
    client.call("load", destination=VIP, port=80)
    shared.kill_proxy()
    load_nft(node)
    node.run(FAIRLEAD, "proxy", "--cleanup", "--keep-kube-proxy")
    assert left(node) == {"kube-proxy"}
    assert shared.answering(seconds=PATIENCE) == {OLD}
    assert client.call("end_load")["failures"] == []
    shared.end()


def test_without_privileges_clean_up_says_so_and_fails(shared):
    command = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-all", FAIRLEAD, "proxy", "--cleanup")
    done = shared.net.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said, complaints = done.communicate()
    assert (done.returncode, said) == (1, "")
    lines = [line for line in complaints.splitlines() if line.startswith("error: IPv4: CAP_NET_ADMIN is needed")]
    assert len(lines) == 2, complaints  # nft, and iptables
    assert "Traceback" not in complaints
