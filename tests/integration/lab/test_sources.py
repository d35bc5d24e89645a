"""A Pod sends from no address but its own, over IPv4 and IPv6, and makes nobody believe that another's is its own.

In labs of root's and of an ordinary user's, where a Pod's root may send any frame (CAP_NET_RAW).
"""

import json

import pytest

from tests.support.full import each_once
from tests.support.labs import Lab, eventually
from tests.support.users import CHECKOUT, users

PYTHON = "/usr/bin/python3"
FORGE = (CHECKOUT / "tests" / "support" / "net" / "forge.py").read_text()
# Prints who each datagram comes from, and what it says.
LISTEN = """
import socket
listener = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
listener.bind(("::", 4711))
print("victim", "listens", flush=True)
while True:
    text, sender = listener.recvfrom(100)
    print(sender[0].removeprefix("::ffff:"), text.decode(), flush=True)
"""
OTHERS = {
    "node": {4: "192.168.64.11", 6: "fd00:192:168:64::11"},
    "service": {4: "10.96.0.1", 6: "fd00:10:96::1"},
    "outside": {4: "203.0.113.10", 6: "2001:db8:203:113::10"},
    "nobody": {4: "198.51.100.1", 6: "2001:db8::1"},
}
SLEEP = ["sleep", "infinity"]


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    lab = Lab(request.param, "--dual-stack")
    try:
        lab.up()
        for name, command, node in (
            ("liar", SLEEP, "node-1"),
            ("near", SLEEP, "node-1"),
            ("far", SLEEP, "node-2"),
            ("victim", [PYTHON, "-c", LISTEN], "node-1"),
        ):
            container = {"name": "main", "image": "busybox", "command": command}
            document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
            document["spec"] = {"nodeName": node, "containers": [container]}
            lab.create(document)
        lab.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        eventually(lambda: ["victim", "listens"] in heard(lab))
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="module")
def addresses(lab):
    """By name and family, those of the Pods included."""
    pods = {pod["metadata"]["name"]: pod["status"]["podIPs"] for pod in lab.get("pods")["items"]}
    of_pods = {name: {6 if ":" in each["ip"] else 4: each["ip"] for each in ips} for name, ips in pods.items()}
    return OTHERS | of_pods


@pytest.fixture(scope="module")
def node_link(lab):
    """The link-layer address of the node, as the liar knows it."""
    neighbours = json.loads(lab.kubectl("exec", "liar", "--", "ip", "-j", "neigh").stdout)
    return next(each["lladdr"] for each in neighbours if each.get("lladdr"))


@pytest.fixture
def forge(lab, node_link):
    """Sends from the liar: to whom, then pairs of the address that it sends from, and the text."""

    def send(target: str, *pairs: tuple[str, str]) -> None:
        words = [word for pair in pairs for word in pair]
        lab.kubectl("exec", "-i", "liar", "--", PYTHON, "-", node_link, target, "4711", *words, stdin=FORGE)

    return send


def heard(lab: Lab) -> list[list[str]]:
    return [line.split(maxsplit=1) for line in lab.log("victim").splitlines()]


@pytest.mark.parametrize(
    ("source", "family"), each_once(["near", "far", "victim", "node", "service", "outside", "nobody"], [4, 6])
)
def test_a_packet_from_another_address_goes_nowhere(lab, addresses, forge, source, family):
    """What is sent after it from the right one arrives, and so would it have."""
    target, own, forged = (addresses[name][family] for name in ("victim", "liar", source))
    forge(target, (own, f"before {source}"), (forged, f"forged {source}"), (own, f"after {source}"))
    eventually(lambda: [own, f"after {source}"] in heard(lab), 30)
    assert [own, f"before {source}"] in heard(lab)
    assert not [each for each in heard(lab) if each[1].startswith("forged")]


@pytest.mark.parametrize(("claimed", "family"), each_once(["near", "far", "node", "outside"], [4, 6]))
def test_claims_by_arp_and_nd_are_ignored(lab, addresses, forge, claimed, family):
    wanted, gateway = addresses[claimed][family], {4: "169.254.1.1", 6: "fe80::1"}[family]
    before = neighbours(lab, wanted)
    forge(gateway, (wanted, "claim"))
    # Frames of a link stay in order: once this has come, the node has taken the claims, too.
    own, target = addresses["liar"][family], addresses["victim"][family]
    forge(target, (own, f"claimed {claimed}"))
    eventually(lambda: [own, f"claimed {claimed}"] in heard(lab), 30)
    assert neighbours(lab, wanted) == before
    if claimed == "near":
        assert lab.kubectl("exec", "victim", "--", "ping", "-c", "1", "-W", "5", wanted).returncode == 0


def neighbours(lab: Lab, wanted: str) -> set[tuple[str, str]]:
    """Where node-1 believes an address to be: link, and address there."""
    listed = json.loads(lab.on_node("node-1", "ip", "-j", "neigh"))
    return {(each["dev"], each.get("lladdr", "")) for each in listed if each["dst"] == wanted and each["dev"] != "eth0"}
