"""What the world outside the cluster sees of it, as root and as an ordinary user."""

import os
import signal
from pathlib import Path

import pytest
from tests.integration.labs import Lab, eventually
from tests.integration.outsiders import NODES, OUTSIDE, ask, balancer_address, node_behind, outside
from tests.integration.users import users

MANIFESTS = Path(__file__).with_name("outside.yaml")


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    """One lab for all tests; each leaves it as it found it."""
    lab = Lab(request.param, "-f", str(MANIFESTS))
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


class TestNodePorts:
    @pytest.mark.parametrize("node", NODES)
    def test_policy_cluster_answers_on_every_node_and_hides_who_asks(self, lab, node):
        answer = eventually(lambda: ask(lab, f"{NODES[node]}:30080"))
        assert answer["pod"] in ("a", "b")
        assert answer["client"] == NODES[node]

    def test_policy_local_answers_where_a_pod_is_and_shows_who_asks(self, lab):
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


class TestLoadBalancers:
    def test_one_node_answers_for_the_address_and_balances(self, lab):
        address = balancer_address(lab, "balanced")
        answer = eventually(lambda: ask(lab, address))
        assert answer["client"] == NODES[node_behind(lab, address)]
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

    def test_the_address_moves_when_its_node_falls_silent_and_back_when_it_is_heard(self, lab):
        address = balancer_address(lab, "balanced")
        eventually(lambda: ask(lab, address))
        home = node_behind(lab, address)
        (refuge,) = NODES.keys() - {home}
        os.kill(announcers(lab)[home], signal.SIGSTOP)
        try:
            eventually(lambda: ask(lab, address)["client"] == NODES[refuge])
            assert node_behind(lab, address) == refuge
        finally:
            os.kill(announcers(lab)[home], signal.SIGCONT)
        eventually(lambda: node_behind(lab, address) == home)
        assert ask(lab, address)["client"] == NODES[home]

    def test_the_address_leaves_a_node_that_is_excluded(self, lab):
        address = balancer_address(lab, "balanced")
        eventually(lambda: ask(lab, address))
        home = node_behind(lab, address)
        label = "node.kubernetes.io/exclude-from-external-load-balancers"
        lab.kubectl("label", "node", home, f"{label}=")
        try:
            eventually(lambda: node_behind(lab, address) not in (home, None))
            assert ask(lab, address)
        finally:
            lab.kubectl("label", "node", home, f"{label}-")
        eventually(lambda: node_behind(lab, address) == home)
