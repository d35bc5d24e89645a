"""One lab with both kinds of rules side by side, whose nodes have common kernel settings."""

import contextlib
import json
import subprocess
import sys
from functools import partial

import pytest

from fairlead.netfilter.iptables_text import parse_save
from fairlead.netfilter.nft_listing import read_listing
from tests.support.labs import Lab, eventually
from tests.support.net.outsiders import NODES, OUTSIDE, ask
from tests.support.users import users

CONFIG = """
proxyMode: nftables
nodes:
- {name: node-1}
- {name: node-2, proxyMode: iptables}
"""
MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  nodeName: node-1
  containers: [{name: c, image: fairlead/echo, ports: [{containerPort: 80, hostPort: 8080}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: node-2, containers: [{name: c, image: busybox, command: [sleep, "100000"]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, sessionAffinity: ClientIP, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: v1
kind: Service
metadata: {name: extdb}
spec: {type: NodePort, ports: [{port: 80, targetPort: 8000, nodePort: 30500}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: extdb-1, labels: {kubernetes.io/service-name: extdb}}
addressType: IPv4
endpoints: [{addresses: [203.0.113.10]}]
ports: [{port: 8000}]
---
apiVersion: v1
kind: Service
metadata: {name: thief}
spec:
  selector: {app: web}
  externalIPs: [10.96.0.10]
  ports: [{name: u, port: 53, targetPort: 80, protocol: UDP}, {name: t, port: 53, targetPort: 80}]
"""


@pytest.fixture(scope="module", params=users()[:1], ids=str)
def lab(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "manifest.yaml").write_text(MANIFEST)
    lab = Lab(request.param, "--config", str(folder / "config.yaml"), "-f", str(folder / "manifest.yaml"))
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


def test_status_says_which_node_has_which_rules(lab):
    assert "nft, iptables on node-2" in lab.fairlead("status").stdout
    assert "table ip fairlead\n" in lab.on_node("node-1", "nft", "list", "tables")
    assert "KUBE-SERVICES" in lab.on_node("node-2", "iptables-save")


def test_both_answer_on_a_node_port(lab):
    for address in NODES.values():
        assert eventually(partial(ask, lab, f"{address}:30080"))["pod"] == "web"


def rules(lab, node):
    return lab.fairlead("rules", "--node", node, "--kubeconfig", lab.kubeconfig).stdout


def test_the_rules_from_the_api_are_those_that_the_node_has(lab):
    def nft_agrees():
        there = read_listing(lab.on_node("node-1", "nft", "-y", "list", "table", "ip", "fairlead"))
        printed = read_listing(rules(lab, "node-1"))
        return (printed.chains, printed.elements) == (there.chains, there.elements)

    def iptables_agree():
        there = parse_save(lab.on_node("node-2", "iptables-save"))
        printed = parse_save(rules(lab, "node-2"))
        kube = {id_: len(rules) for id_, rules in there.rules.items() if id_[1].startswith("KUBE-")}
        return kube == {id_: len(rules) for id_, rules in printed.rules.items() if id_[1].startswith("KUBE-")}

    eventually(nft_agrees)
    eventually(iptables_agree)


SERVER = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.client_address).encode())
http.server.HTTPServer(("", 8000), Handler).serve_forever()
"""


@contextlib.contextmanager
def server_outside(lab):
    command = lab.command("run", "--name", lab.name, "--outside", "--", sys.executable, "-c", SERVER)
    server = subprocess.Popen(command, env=lab.environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.terminate()
        server.wait()


def test_pods_reach_the_world_outside_by_address_and_by_a_service_without_a_selector(lab):
    with server_outside(lab):
        for pod, node in (("web", "node-1"), ("client", "node-2")):
            for target in (f"{OUTSIDE}:8000", "extdb"):
                seen = eventually(partial(fetch, lab, pod, target))
                assert seen[0] == NODES[node]


def fetch(lab, pod, target):
    return json.loads(lab.exec(pod, "curl", "-s", "-m", "2", f"http://{target}/", check=False) or "null")


def test_host_ports_are_put_back_after_a_flush(lab):
    eventually(lambda: ask(lab, f"{NODES['node-1']}:8080"))
    lab.on_node("node-1", "nft", "flush", "ruleset")
    assert eventually(lambda: ask(lab, f"{NODES['node-1']}:8080"), 60)["pod"] == "web"
    assert eventually(lambda: ask(lab, f"{NODES['node-1']}:30080"), 60)["pod"] == "web"


@pytest.mark.parametrize("node", NODES)
def test_nodes_are_set_as_good_nodes_are(lab, node):
    settings = "net/ipv4/conf/*/send_redirects", "net/netfilter/nf_conntrack_tcp_be_liberal"
    redirects, liberal = (lab.on_node(node, "sh", "-c", f"cat /proc/sys/{path}").split() for path in settings)
    assert (set(redirects), liberal) == ({"0"}, ["1"])


def test_a_change_of_a_time_out_stops_no_node(lab):
    """And the thief has an Event."""
    for seconds in (60, 86400, 1):
        config = {"clientIP": {"timeoutSeconds": seconds}}
        lab.kubectl("patch", "service", "web", "-p", json.dumps({"spec": {"sessionAffinityConfig": config}}))
        for node in NODES:
            eventually(partial(spelled, lab, node, seconds))
    eventually(lambda: not_served(lab))
    assert not_served(lab) == {"thief"}


def not_served(lab):
    events = lab.get("events")["items"]
    return {e["involvedObject"]["name"] for e in events if e["reason"] == "ExternalIPNotServed"}


def spelled(lab, node, seconds):
    """What of the rules has the time-out, in seconds."""
    if node == "node-2":
        found = f"--seconds {seconds} " in lab.on_node(node, "iptables-save")
    else:
        word = {60: "1m", 86400: "1d", 1: "1s"}[seconds]
        found = f"timeout {word}\n" in lab.on_node(node, "nft", "list", "table", "ip", "fairlead")
    return f"timeout {seconds}s" if found else ""
