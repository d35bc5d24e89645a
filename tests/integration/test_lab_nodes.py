"""Nodes that come, go, lose their power or their cable, as root and as an ordinary user."""

import pytest
from tests.integration.labs import Lab, eventually
from tests.integration.outsiders import ask, balancer_address, node_behind
from tests.integration.test_outside import MANIFESTS
from tests.integration.users import users


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    """One lab for all tests; each leaves its two nodes as it found them."""
    lab = Lab(request.param, "-f", str(MANIFESTS))
    try:
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


class TestComingAndGoing:
    def test_a_node_that_is_added_runs_pods_and_takes_its_leave(self, lab):
        added = node(lab, "add", "extra", "--zone", "west", "--label", "disk=ssd")
        assert added.stdout == "extra\n"
        assert is_ready(lab, "extra")
        labels = lab.get("node", "extra")["metadata"]["labels"]
        assert (labels["topology.kubernetes.io/zone"], labels["disk"]) == ("west", "ssd")
        lab.kubectl("run", "guest", "--image=fairlead/echo", '--overrides={"spec": {"nodeName": "extra"}}')
        lab.kubectl("wait", "--for=condition=Ready", "pod/guest", "--timeout=20s")
        address = lab.get("pod", "guest")["status"]["podIP"]
        assert lab.exec("a", "curl", "-s", "-m", "2", f"http://{address}/hostname") == "guest"
        lab.kubectl("delete", "pod", "guest", "--wait")
        node(lab, "remove", "extra")
        assert {n["metadata"]["name"] for n in lab.get("nodes")["items"]} == {"node-1", "node-2"}
        assert address.rpartition(".")[0] not in lab.on_node("node-1", "ip", "route")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("add", "node-1"), 'there is a node "node-1" already'),
            (("add", "Bad_Name"), "lower case letters"),
            (("start", "node-1"), 'node "node-1" runs already'),
            (("stop", "nobody"), 'there is no node "nobody" in this lab; it has node-1, node-2'),
        ],
    )
    def test_refusals(self, lab, arguments, message):
        done = node(lab, *arguments, check=False)
        assert done.returncode > 1
        assert message in done.stderr


class TestLosses:
    @pytest.mark.parametrize(("loss", "cure"), [("stop", "start"), ("partition", "heal")])
    def test_the_address_of_a_load_balancer_moves_and_comes_back(self, lab, loss, cure):
        address = balancer_address(lab, "balanced")
        eventually(lambda: ask(lab, address))
        home = eventually(lambda: node_behind(lab, address))
        node(lab, loss, home)
        try:
            eventually(lambda: node_behind(lab, address) not in (home, None))
        finally:
            node(lab, cure, home)
        eventually(lambda: ask(lab, address) and is_ready(lab, home))
