"""What the world outside the cluster sees of it, as root and as an ordinary user."""

import re
from pathlib import Path

import pytest
from tests.integration.labs import Lab, eventually
from tests.integration.users import users

MANIFESTS = Path(__file__).with_name("outside.yaml")
NODES = {"node-1": "192.168.64.11", "node-2": "192.168.64.12"}
OUTSIDE = "203.0.113.10"


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    """One lab for all tests; each leaves it as it found it."""
    lab = Lab(request.param, "-f", str(MANIFESTS))
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


def ask(lab: Lab, address: str, seconds: str = "2") -> dict[str, str]:
    """What the echo behind an address says to somebody outside; nothing when nobody answers."""
    answer = lab.fairlead(
        "run", "--name", lab.name, "--outside", "--", "curl", "-s", "-m", seconds, f"http://{address}/", check=False
    )
    found = dict(re.findall(r"^(\w+): (.*)$", answer.stdout, re.M))
    if found:
        found["client"] = found["client"].rpartition(":")[0]
    return found


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
