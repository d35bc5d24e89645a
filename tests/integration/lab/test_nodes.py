"""Nodes that come, go, lose their power or their cable."""

import json
import os
from pathlib import Path

import pytest

from tests.integration.lab.test_outside import MANIFESTS
from tests.support.labs import Lab, eventually
from tests.support.net.outsiders import ask, balancer_address, node_behind
from tests.support.users import users

CONFIG = """
nodes:
  - zone: east
  - zone: west
    addresses: [192.168.64.12, 192.168.64.200]
timers: {heartbeat: 0.5, nodeGrace: 3}
"""

STATEFUL = """
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: echo, image: fairlead/echo}]}
"""


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    """One lab for all tests; each leaves its two nodes as it found them."""
    lab = Lab(request.param, "--load-balancing", "one-node", "-f", str(MANIFESTS))
    try:
        lab.configure(CONFIG)
        lab.up()
        yield lab
    finally:
        lab.close()


def node(lab: Lab, *arguments: str, check: bool = True):
    command, *rest = arguments
    return lab.fairlead("node", command, "--name", lab.name, *rest, check=check)


def is_ready(lab: Lab, name: str) -> bool:
    conditions = lab.get("node", name)["status"]["conditions"]
    return next(c["status"] for c in conditions if c["type"] == "Ready") == "True"


def test_nodes_are_as_the_file_says(lab):
    second = lab.get("node", "node-2")
    assert second["metadata"]["labels"]["topology.kubernetes.io/zone"] == "west"
    internal = [a["address"] for a in second["status"]["addresses"] if a["type"] == "InternalIP"]
    assert internal == ["192.168.64.12", "192.168.64.200"]


class TestComingAndGoing:
    def test_an_added_node_runs_pods_and_can_be_removed(self, lab):
        added = node(lab, "add", "extra", "--zone", "west", "--label", "disk=ssd")
        assert added.stdout == "extra\n"
        # A node that stands still for its grace of three seconds is not ready for a moment.
        eventually(lambda: is_ready(lab, "extra"))
        labels = lab.get("node", "extra")["metadata"]["labels"]
        assert (labels["topology.kubernetes.io/zone"], labels["disk"]) == ("west", "ssd")
        lab.kubectl("run", "guest", "--image=fairlead/echo", '--overrides={"spec": {"nodeName": "extra"}}')
        lab.until_ready("guest")
        address = lab.get("pod", "guest")["status"]["podIP"]
        eventually(lambda: lab.exec("a", "curl", "-s", "-m", "2", f"http://{address}/hostname") == "guest")
        lab.kubectl("delete", "pod", "guest", "--wait")
        assert "HolderIdentity:  extra" in lab.kubectl("describe", "node", "extra").stdout
        node(lab, "remove", "extra")
        eventually(lambda: "extra" not in lab.kubectl("get", "leases", "-n", "kube-node-lease").stdout)
        assert {n["metadata"]["name"] for n in lab.get("nodes")["items"]} == {"node-1", "node-2"}
        eventually(lambda: address.rpartition(".")[0] not in lab.on_node("node-1", "ip", "route"))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("add", "node-1"), 'node "node-1" already exists'),
            (("add", "Bad_Name"), "lower case letters"),
            (("start", "node-1"), 'node "node-1" is already running'),
            (("invite", "east", "--from", "192.0.2.2"), "start it with `fairlead up --wire ADDRESS`"),
            (("stop", "nobody"), 'there is no node "nobody" in this lab; it has node-1, node-2'),
        ],
    )
    def test_refusals(self, lab, arguments, message):
        done = node(lab, *arguments, check=False)
        assert done.returncode > 1
        assert message in done.stderr


SECRETIVE = """
apiVersion: v1
kind: Secret
metadata: {{name: secret-of-{node}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: on-{node}}}
spec:
  nodeName: {node}
  containers: [{{name: main, image: fairlead/echo, envFrom: [{{secretRef: {{name: secret-of-{node}}}}}]}}]
"""
# With the key of node-1's agent.
LOCKED = [
    ("get secret secret-of-node-2", "no relationship found between node 'node-1' and this object"),
    ("get secrets -A", 'User "system:node:node-1" cannot list resource "secrets" in API group "" at the cluster scope'),
    ("get pods", "can only list/watch pods with spec.nodeName field selector"),
    ("delete pod on-node-2", 'node "node-1" can only delete pods with spec.nodeName set to itself'),
    ("label node node-2 mine=1", "node 'node-1' cannot read 'node-2', only its own Node object"),
    ("taint node node-1 mine=1:NoExecute", 'node "node-1" is not allowed to modify taints'),
    ("delete node node-2", 'User "system:node:node-1" cannot delete resource "nodes" in API group "" at the cluster'),
    ("create token default", "node requested token not bound to a pod"),
]


def test_the_key_of_a_node_opens_what_is_its_own(lab):
    documents = "---".join(SECRETIVE.format(node=name) for name in ("node-1", "node-2"))
    server = json.loads(Path(lab.kubeconfig).read_text())["clusters"][0]["cluster"]["server"]
    as_node = ("--kubeconfig", str(lab.data / "kubeconfigs" / "node-1-agent"), "--server", server)
    lab.kubectl("apply", "-f", "-", stdin=documents)
    try:
        for command in ("get secret secret-of-node-1", "get pod on-node-1", "get node node-1"):
            lab.kubectl(*command.split(), *as_node)
        for command, message in LOCKED:
            assert message in lab.kubectl(*command.split(), *as_node, check=False).stderr, command
    finally:
        lab.kubectl("delete", "-f", "-", "--wait=false", stdin=documents)


class TestLosses:
    def test_a_node_that_is_off_for_certain_frees_its_pods(self, lab):
        # On a node that has just been missed no Pod would be placed.
        eventually(lambda: not any(each["spec"].get("taints") for each in lab.get("nodes")["items"]))
        lab.kubectl("apply", "-f", "-", stdin=STATEFUL)
        lab.kubectl("rollout", "status", "statefulset/db", "--timeout=90s")
        places = {pod["metadata"]["name"]: pod for pod in lab.get("pods", "-l", "app=db")["items"]}
        assert {pod["spec"]["nodeName"] for pod in places.values()} == {"node-1", "node-2"}
        (lost,) = (name for name, pod in places.items() if pod["spec"]["nodeName"] == "node-2")
        address = balancer_address(lab, "balanced")
        network = os.readlink(f"/proc/{lab.component_pids()['node-2-agent']}/ns/net")
        assert holders(lab, network)
        node(lab, "stop", "--out-of-service", "node-2")
        try:
            eventually(lambda: not holders(lab, network))
            eventually(lambda: ready_endpoints(lab, "cluster") == {"a"}, 60)
            eventually(lambda: ask(lab, address)["pod"] == "a")
            eventually(lambda: lab.get("pod", lost)["spec"]["nodeName"] == "node-1", 60)
            lab.kubectl("rollout", "status", "statefulset/db", "--timeout=90s")
            assert lab.get("pod", lost)["metadata"]["uid"] != places[lost]["metadata"]["uid"]
            eventually(lambda: ready_endpoints(lab, "db") == {"db-0", "db-1"})
        finally:
            node(lab, "start", "node-2")
        taints = lab.get("node", "node-2")["spec"].get("taints", [])
        assert "node.kubernetes.io/out-of-service" not in {taint["key"] for taint in taints}

    # The partition comes last: how long the connections of a node that is back stay stalled is TCP's business.
    @pytest.mark.parametrize(("loss", "cure"), [("stop", "start"), ("partition", "heal")])
    def test_the_address_of_a_load_balancer_moves_and_comes_back(self, lab, loss, cure):
        address = balancer_address(lab, "balanced")
        # Half of the connections may go to a Pod whose node was lost a moment ago.
        eventually(lambda: ask(lab, address, "0.5"), 90)
        home = eventually(lambda: node_behind(lab, address))
        node(lab, loss, home)
        try:
            eventually(lambda: node_behind(lab, address) not in (home, None))
        finally:
            node(lab, cure, home)
        eventually(lambda: ask(lab, address, "0.5") and is_ready(lab, home), 90)


def holders(lab: Lab, network: str) -> list[int]:
    """The lab's processes that are in this network namespace, or keep it with a descriptor."""
    return [pid for pid in lab.processes() if network in namespaces_of(Path(f"/proc/{pid}"))]


def namespaces_of(process: Path) -> set[str]:
    found = set()
    try:
        for link in (process / "ns/net", *(process / "fd").iterdir()):
            found.add(os.readlink(link))
    except FileNotFoundError:  # closed meanwhile, or the process has ended
        pass
    return found


def ready_endpoints(lab: Lab, service: str) -> set[str]:
    slices = lab.get("endpointslices", "-l", f"kubernetes.io/service-name={service}")["items"]
    endpoints = (endpoint for slice_ in slices for endpoint in slice_["endpoints"] or ())
    return {endpoint["targetRef"]["name"] for endpoint in endpoints if endpoint["conditions"]["ready"]}
