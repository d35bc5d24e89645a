"""What the world outside the cluster sees of it."""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from fairlead.dataplane.announcing import together
from tests.support.labs import Lab, eventually
from tests.support.net.outsiders import NODES, OUTSIDE, ask, balancer_address, node_behind, outside
from tests.support.users import users

TAKEN = 30081  # the node port of the Service "local"
MANIFESTS = Path(__file__).with_name("outside.yaml")


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    """One lab for all tests; each leaves it as it found it. A port that it would publish is taken already."""
    lab = Lab(request.param, "--load-balancing", "one-node", "-f", str(MANIFESTS), "--publish")
    try:
        with socket.create_server(("127.0.0.1", TAKEN)):
            lab.up()
            yield lab
    finally:
        lab.close()


class TestNodePorts:
    @pytest.mark.parametrize("node", NODES)
    def test_policy_cluster_answers_on_every_node_and_hides_the_client_address(self, lab, node):
        answer = eventually(lambda: ask(lab, f"{NODES[node]}:30080"))
        assert answer["pod"] in ("a", "b")
        assert answer["client"] == NODES[node]

    def test_policy_local_answers_on_nodes_with_a_pod_and_keeps_the_client_address(self, lab):
        answer = eventually(lambda: ask(lab, f"{NODES['node-1']}:30081"))
        assert (answer["pod"], answer["client"]) == ("a", OUTSIDE)

    def test_policy_local_does_not_answer_elsewhere(self, lab):
        eventually(lambda: ask(lab, f"{NODES['node-1']}:30081"))
        assert not ask(lab, f"{NODES['node-2']}:30081", seconds="0.5")

    def test_pods_and_virtual_ips_are_not_to_be_reached(self, lab):
        pod = lab.get("pod", "a")["status"]["podIP"]
        virtual = lab.get("service", "cluster")["spec"]["clusterIP"]
        assert not ask(lab, pod, seconds="0.5")
        assert not ask(lab, virtual, seconds="0.5")


def announcers(lab: Lab) -> dict[str, int]:
    """Processes by node."""
    return {node: lab.component_pids()[f"{node}-proxy"] for node in NODES}


def home_of(address: str) -> str:
    """The node that answers for an address unless it is silent, as one that stands still is for a moment."""
    order = together({address: (node,)} for node in NODES)[address]
    return order[0]


class TestLoadBalancers:
    def test_one_node_answers_for_the_address_and_balances(self, lab):
        address = balancer_address(lab, "balanced")
        eventually(lambda: ask(lab, address)["client"] == NODES[node_behind(lab, address)])
        many = f"for i in $(seq 20); do curl -s -m 2 http://{address}/hostname; echo; done"
        eventually(lambda: set(outside(lab, "sh", "-c", many).split()) == {"a", "b"})
        assert "nodePort" not in lab.get("service", "balanced")["spec"]["ports"][0]

    def test_policy_local_is_answered_for_where_a_pod_is(self, lab):
        address = balancer_address(lab, "balanced-local")
        answer = eventually(lambda: ask(lab, address))
        assert (answer["pod"], answer["client"]) == ("a", OUTSIDE)
        assert node_behind(lab, address) == "node-1"

    def test_the_service_tells_who_announces_it(self, lab):
        def told() -> bool:
            events = lab.get("events", "--field-selector", "involvedObject.name=balanced-local")["items"]
            return 'announcing from node "node-1" with protocol "layer2"' in {e["message"] for e in events}

        eventually(told)

    def test_the_address_moves_when_its_node_falls_silent_and_back_when_it_returns(self, lab):
        address = balancer_address(lab, "balanced")
        eventually(lambda: ask(lab, address))
        home = home_of(address)
        eventually(lambda: node_behind(lab, address) == home)
        (refuge,) = NODES.keys() - {home}
        os.kill(announcers(lab)[home], signal.SIGSTOP)
        try:
            eventually(lambda: ask(lab, address)["client"] == NODES[refuge])
            eventually(lambda: node_behind(lab, address) == refuge)
        finally:
            os.kill(announcers(lab)[home], signal.SIGCONT)
        eventually(lambda: node_behind(lab, address) == home)
        eventually(lambda: ask(lab, address)["client"] == NODES[home])

    def test_the_address_leaves_a_node_that_is_excluded(self, lab):
        address = balancer_address(lab, "balanced")
        eventually(lambda: ask(lab, address))
        home = home_of(address)
        eventually(lambda: node_behind(lab, address) == home)
        label = "node.kubernetes.io/exclude-from-external-load-balancers"
        lab.kubectl("label", "node", home, f"{label}=")
        try:
            eventually(lambda: node_behind(lab, address) not in (home, None))
            eventually(lambda: ask(lab, address))
        finally:
            lab.kubectl("label", "node", home, f"{label}-")
        eventually(lambda: node_behind(lab, address) == home)


def doors(lab: Lab) -> dict[tuple[str, str], str]:
    """Where each port of a Service answers on this machine, by Service and place outside, as ``status`` tells."""
    rows = re.findall(rf"^{lab.name} +default/(\S+) +(\S+) +(.+)$", lab.fairlead("status").stdout, re.M)
    return {(service, outside): here for service, outside, here in rows}


def ask_here(place: str) -> dict[str, str]:
    """What the echo behind a port of this machine says."""
    done = subprocess.run(["curl", "-s", "-m", "3", f"http://{place}/"], text=True, capture_output=True, check=False)
    return dict(re.findall(r"^(\w+): (.*)$", done.stdout, re.M))


class TestPublished:
    def test_a_node_port_answers_on_this_machine(self, lab):
        eventually(lambda: doors(lab)["cluster", "nodes:30080/TCP"] == "127.0.0.1:30080")
        assert eventually(lambda: ask_here("127.0.0.1:30080"))["pod"] in ("a", "b")

    def test_a_load_balancer_answers_on_this_machine_as_to_anybody_outside(self, lab):
        here = eventually(lambda: doors(lab)["balanced-local", f"{balancer_address(lab, 'balanced-local')}:80/TCP"])
        answer = eventually(lambda: ask_here(here))
        assert (answer["pod"], answer["client"].partition(":")[0]) == ("a", OUTSIDE)

    def test_a_port_in_use_is_reported_and_affects_nothing_else(self, lab):
        eventually(lambda: doors(lab)["local", f"nodes:{TAKEN}/TCP"] == "taken by another")

    def test_services_are_followed_and_datagrams_pass(self, lab):
        ports = '[{"op": "replace", "path": "/spec/ports/0/protocol", "value": "UDP"}]'
        lab.kubectl("create", "service", "nodeport", "late", "--tcp=80", "--node-port=30053")
        lab.kubectl("set", "selector", "service/late", "app=web")
        eventually(lambda: doors(lab)["late", "nodes:30053/TCP"] == "127.0.0.1:30053")
        lab.kubectl("patch", "service", "late", "--type=json", "-p", ports)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            client.connect(("127.0.0.1", 30053))
            eventually(lambda: answers(client) in (b"a", b"b"))
        lab.kubectl("delete", "service", "late")
        eventually(lambda: ("late", "nodes:30053/UDP") not in doors(lab))


def answers(client: socket.socket) -> bytes:
    """The name of the Pod that echoes a datagram; nothing when none does."""
    try:
        client.send(b"?")
        return client.recv(100).partition(b" ")[0]
    except OSError:
        return b""
