"""A lab of two IP families, driven by a real kubectl: the addresses of each object, and that each works."""

import re
import subprocess
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from tests.support.kubectls import kubectls
from tests.support.labs import Lab, eventually
from tests.support.net.outsiders import NODES as NODES_4
from tests.support.net.outsiders import OUTSIDE as OUTSIDE_4
from tests.support.net.outsiders import ask, balancer_address, node_behind
from tests.support.net.spreading import addresses
from tests.support.users import users

NODES = {"node-1": "fd00:192:168:64::11", "node-2": "fd00:192:168:64::12"}
OUTSIDE = "2001:db8:203:113::10"
DNS = {"A": "10.96.0.10", "AAAA": "fd00:10:96::a"}
MANIFESTS = Path(__file__).with_name("dual_stack.yaml")


@pytest.fixture(scope="module")
def lab():
    """One lab for all tests; each leaves it as it found it."""
    lab = Lab(users()[-1], "--load-balancing", "one-node", "--dual-stack", "-f", str(MANIFESTS))
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


def fetch(lab: Lab, address: str) -> dict[str, str]:
    """What the echo behind an address says to Pod b."""
    shown = f"[{address}]" if ":" in address else address
    answer = lab.exec("b", "curl", "-s", "-m", "10", f"http://{shown}/", check=False)
    return dict(re.findall(r"^(\w+): (.*)$", answer, re.M))


def dig(lab: Lab, *names: str) -> dict[tuple[str, str], set[str]]:
    """Addresses by name and kind of record, in a Pod, each kind from the name server of its own family."""
    queries = [word for name in names for kind in DNS for word in (f"@{DNS[kind]}", f"{name}.svc.cluster.local", kind)]
    found: dict[tuple[str, str], set[str]] = {(name, kind): set() for name in names for kind in DNS}
    for line in lab.exec("b", "dig", "+noall", "+answer", *queries).splitlines():
        name, _, _, kind, address = line.split()
        found[name.removesuffix(".svc.cluster.local."), kind].add(address)
    return found


def pod_ips(lab: Lab, pod: str) -> list[str]:
    return [each["ip"] for each in lab.get("pod", pod)["status"]["podIPs"]]


def test_nodes_and_pods_have_an_address_of_each_family(lab):
    node, pod = lab.get("node", "node-2"), lab.get("pod", "b")
    internal = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
    assert internal == [NODES_4["node-2"], NODES["node-2"]]
    assert node["spec"]["podCIDRs"] == ["10.244.2.0/24", "fd00:10:244:2::/64"]
    assert [each["ip"] for each in pod["status"]["hostIPs"]] == internal
    four, six = pod_ips(lab, "b")
    assert four == pod["status"]["podIP"]
    assert (four.startswith("10.244.2."), six.startswith("fd00:10:244:2::")) == (True, True)
    assert lab.log("b") == ""  # which asks the node at the first of its addresses


@pytest.mark.parametrize(
    ("service", "families"),
    [("both", ["IPv4", "IPv6"]), ("six", ["IPv6"]), ("four", ["IPv4"])],
)
def test_each_virtual_ip_answers_by_the_slice_of_its_family(lab, service, families):
    spec = lab.get("service", service)["spec"]
    assert spec["ipFamilies"] == families
    assert spec["clusterIPs"][0] == spec["clusterIP"]
    slices = lab.get("endpointslices", "-l", f"kubernetes.io/service-name={service}")["items"]
    assert sorted(each["addressType"] for each in slices) == families
    for address in spec["clusterIPs"]:
        answer = eventually(partial(fetch, lab, address))
        assert ("[" in answer["client"]) == (":" in address)


def test_names_have_addresses_of_the_families_of_their_service(lab):
    four, six = lab.get("service", "both")["spec"]["clusterIPs"]
    fours, sixes = zip(pod_ips(lab, "a"), pod_ips(lab, "b"), strict=True)

    def all_are_known() -> bool:
        found = dig(lab, "both.default", "four.default", "six.default", "headless.default", "kube-dns.kube-system")
        assert (found["both.default", "A"], found["both.default", "AAAA"]) == ({four}, {six})
        assert (len(found["four.default", "A"]), found["four.default", "AAAA"]) == (1, set())
        assert (found["six.default", "A"], len(found["six.default", "AAAA"])) == (set(), 1)
        assert (found["headless.default", "A"], found["headless.default", "AAAA"]) == ({*fours}, {*sixes})
        dns = found["kube-dns.kube-system", "A"], found["kube-dns.kube-system", "AAAA"]
        assert dns == ({DNS["A"]}, {DNS["AAAA"]})
        return True

    eventually(all_are_known)  # DNS follows the ready Pods


@pytest.mark.parametrize("node", NODES)
def test_a_node_port_answers_over_ipv6(lab, node):
    answer = eventually(lambda: ask(lab, f"[{NODES[node]}]:30080"))
    assert answer["client"] == f"[{NODES[node]}]"


def test_a_load_balancer_is_answered_for_in_both_families(lab):
    four, six = addresses(lab, "local")
    for address, shown, client in ((four, four, OUTSIDE_4), (six, f"[{six}]", f"[{OUTSIDE}]")):
        answer = eventually(partial(ask, lab, shown))
        assert (answer["pod"], answer["client"]) == ("a", client)
        assert node_behind(lab, address) == "node-1"


@pytest.mark.parametrize("address", [f"[{NODES['node-1']}]", NODES_4["node-1"]])
def test_a_host_port_answers_in_both_families(lab, address):
    answer = eventually(lambda: ask(lab, f"{address}:8080"))
    assert (answer["pod"], answer["client"]) == ("a", f"[{OUTSIDE}]" if "[" in address else OUTSIDE_4)


def test_pods_and_virtual_ips_are_not_to_be_reached_from_outside(lab):
    assert not ask(lab, f"[{pod_ips(lab, 'a')[1]}]", seconds="0.5")
    assert not ask(lab, f"[{lab.get('service', 'six')['spec']['clusterIP']}]", seconds="0.5")


def test_a_port_is_forwarded_to_a_server_that_listens_only_on_ipv6_loopback(lab):
    eventually(lambda: lab.exec("inward", "curl", "-s", "http://[::1]:8000/hostname"))  # it listens
    command = [kubectls()[-1], "--kubeconfig", lab.kubeconfig, "port-forward", "inward", ":8000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forwarding:
        try:
            port = re.search(r"127\.0\.0\.1:(\d+)", forwarding.stdout.readline())[1]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/hostname", timeout=60) as answer:
                assert answer.read() == b"inward\n"
        finally:
            forwarding.kill()


def test_a_node_that_is_added_has_both_families_too(lab):
    name = lab.fairlead("node", "add", "--name", lab.name).stdout.strip()
    try:
        assert lab.on_node(name, "ip", "address", "show", "tentative") == ""  # else silent for a second (RFC 4862)
        pod = {"spec": {"nodeName": name}}
        lab.kubectl("run", "late", "--image=fairlead/echo", f"--overrides={pod}".replace("'", '"'))
        lab.until_ready("late")
        for address in pod_ips(lab, "late"):
            assert eventually(partial(fetch, lab, address))["pod"] == "late"
        assert eventually(lambda: ask(lab, "[fd00:192:168:64::13]:30080"))["pod"] in ("a", "b")
    finally:
        lab.delete_pods("late")
        lab.fairlead("node", "remove", "--name", lab.name, name)


def test_the_ipv6_address_of_a_load_balancer_moves_when_its_node_stops(lab):
    """The last test but one: the node stays off."""
    _, six = addresses(lab, "both")
    eventually(lambda: ask(lab, f"[{six}]"))
    home = eventually(lambda: node_behind(lab, six))
    lab.fairlead("node", "stop", "--name", lab.name, home)
    eventually(lambda: node_behind(lab, six) not in (home, None))


def test_the_data_of_two_families_stays_theirs(lab):
    """The last test: it ends the lab, and nothing else has the data then."""
    lab.down()
    up = ("up", "--name", lab.name, "--data", str(lab.data), "--wait")
    refused = lab.fairlead(*up, check=False)
    assert refused.returncode == 3
    assert "was made with [IPv4, IPv6], not [IPv4]" in refused.stderr


def test_a_lab_without_ipv4(tmp_path):
    """Nodes are asked, Pods probed and the API server reached over IPv6, or it would not even get ready."""
    config = tmp_path / "lab.yaml"
    config.write_text("ipFamilies: [IPv6]")
    lab = Lab(users()[0], "--config", str(config), "-f", str(MANIFESTS.with_name("outside.yaml")))
    try:
        lab.up()
        assert pod_ips(lab, "b")[0].startswith("fd00:10:244:2::")
        assert lab.log("b") == ""
        # DNS and the rules of the nodes follow the ready Pods.
        shown = eventually(lambda: lab.exec("b", "curl", "-s", "-m", "10", "http://balanced-local/"))
        assert "client: [fd00:10:244:2::" in shown
        eventually(lambda: ask(lab, "[fd00:192:168:64::12]:30080"))
        address = balancer_address(lab, "balanced")
        eventually(lambda: ask(lab, f"[{address}]"))
    finally:
        lab.close()
