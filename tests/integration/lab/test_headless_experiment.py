"""The headless-Service experiment with common programs: nslookup, dig, curl, nft, kubectl."""

import re
from collections import Counter
from ipaddress import ip_address, ip_network

import pytest

from tests.support.labs import Lab, eventually
from tests.support.users import CHECKOUT, users

EXAMPLE = CHECKOUT / "examples" / "headless"
SEARCH = ("default.svc.cluster.local", "svc.cluster.local", "cluster.local")
SERVICE_CIDR = ip_network("10.96.0.0/16")
WEB_PODS = ("web-0", "web-1")
DIG = ("dig", "+time=20")  # seconds; it prints that it asks again


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    lab = Lab(request.param, "-f", str(EXAMPLE / "manifests.yaml"))
    try:
        lab.up()
        # DNS and the rules of the nodes follow the ready Pods.
        eventually(lambda: addresses(lab, "headless-service-selector") == set(pod_ips(lab).values()))
        ips = pod_ips(lab).values()
        eventually(lambda: all(all(ip in found for ip in ips) for found in (rules(lab, node) for node in nodes(lab))))
        yield lab
    finally:
        lab.close()


def nodes(lab: Lab) -> list[str]:
    return [node["metadata"]["name"] for node in lab.get("nodes")["items"]]


def rules(lab: Lab, node: str) -> str:
    return lab.on_node(node, "nft", "list", "ruleset")


def pod_ips(lab: Lab) -> dict[str, str]:
    pods = {pod: lab.get("pod", pod) for pod in WEB_PODS}
    return {name: pod["status"]["podIP"] for name, pod in pods.items()}


def addresses(lab: Lab, name: str) -> set[str]:
    """What a client in a Pod gets for the name, through its own search list."""
    return set(lab.exec("client", *DIG, "+short", "+search", name).split())


def steps_of_search(lab: Lab, name: str) -> dict[str, str]:
    """Each name that dig tries on the way through the search list, with the rcode it got."""
    output = lab.exec("client", *DIG, "+search", "+showsearch", name)
    rcodes = re.findall(r"status: (\w+)", output)
    names = re.findall(r"^;(\S+)\.\s+IN\s+A$", output, re.MULTILINE)
    assert len(rcodes) == len(names), output
    return dict(zip(names, rcodes, strict=True))


class TestNames:
    def test_selectorless_without_slices_is_nxdomain_for_every_name_of_the_search_list(self, lab):
        steps = steps_of_search(lab, "my-headless-service")
        assert steps == {
            **{f"my-headless-service.{domain}": "NXDOMAIN" for domain in SEARCH},
            "my-headless-service": "NXDOMAIN",
        }

    def test_nslookup_of_busybox_says_the_same(self, lab):
        output = lab.exec("client", "busybox", "nslookup", "my-headless-service", check=False)
        for domain in SEARCH:
            assert f"can't find my-headless-service.{domain}: NXDOMAIN" in output
        assert "Address: " not in output

    def test_headless_with_selector_gives_the_pods_addresses_under_one_name_of_the_search_list(self, lab):
        output = lab.exec("client", "busybox", "nslookup", "headless-service-selector", check=False)
        for ip in pod_ips(lab).values():
            assert f"Name:\theadless-service-selector.{SEARCH[0]}\nAddress: {ip}\n" in output
        for domain in SEARCH[1:]:
            assert f"can't find headless-service-selector.{domain}: NXDOMAIN" in output
        assert addresses(lab, "headless-service-selector") == set(pod_ips(lab).values())

    def test_a_slice_made_by_hand_gives_the_selectorless_service_its_address(self, lab):
        lab.kubectl("create", "-f", str(EXAMPLE / "endpointslice.yaml"))
        try:
            eventually(lambda: addresses(lab, "my-headless-service") == {"192.0.2.10"})
        finally:
            lab.kubectl("delete", "endpointslice", "my-headless-service-1")
        eventually(lambda: addresses(lab, "my-headless-service") == set())

    def test_cluster_ip_service_answers_with_its_one_virtual_ip(self, lab):
        (address,) = addresses(lab, "web")
        assert address == lab.get("service", "web")["spec"]["clusterIP"]
        assert ip_address(address) in SERVICE_CIDR

    def test_srv_and_ptr_of_the_cluster_ip(self, lab):
        srv = lab.exec("client", *DIG, "+short", "SRV", "_http._tcp.web.default.svc.cluster.local").split()
        assert srv == ["0", "100", "80", "web.default.svc.cluster.local."]
        (address,) = addresses(lab, "web")
        assert lab.exec("client", *DIG, "+short", "-x", address).split() == ["web.default.svc.cluster.local."]

    def test_the_c_library_agrees(self, lab):
        output = lab.exec("client", "getent", "ahostsv4", "headless-service-selector")
        assert {line.split()[0] for line in output.splitlines()} == set(pod_ips(lab).values())

    def test_a_pod_knows_its_own_name(self, lab):
        assert lab.exec("web-0", "hostname").strip() == "web-0"
        assert lab.exec("web-0", "getent", "hosts", "web-0").split()[0] == pod_ips(lab)["web-0"]
        resolv_conf = lab.exec("web-0", "cat", "/etc/resolv.conf")
        assert f"search {' '.join(SEARCH)}" in resolv_conf
        assert "options ndots:5" in resolv_conf


class TestVirtualIP:
    # 200 fair coin flips leave 70..130 with a probability of about 2e-5.
    REQUESTS, EVEN = 200, range(70, 131)
    ONE_CONNECTION_EACH = ("curl", "-s", "--max-time", "30", "-H", "Connection: close", "-w", "\\n")

    def requests(self, host: str) -> list[str]:
        return [*self.ONE_CONNECTION_EACH, *[f"http://{host}/hostname"] * self.REQUESTS]

    def spread(self, output: str) -> Counter:
        return Counter(output.split())

    def test_spreads_over_both_pods_from_a_pod(self, lab):
        spread = self.spread(lab.exec("client", *self.requests("web")))
        assert set(spread) == set(WEB_PODS)
        assert all(count in self.EVEN for count in spread.values()), spread

    def test_spreads_over_both_pods_from_a_node(self, lab):
        vip = lab.get("service", "web")["spec"]["clusterIP"]
        node = lab.get("nodes")["items"][0]["metadata"]["name"]
        spread = self.spread(lab.on_node(node, *self.requests(vip)))
        assert set(spread) == set(WEB_PODS)
        assert all(count in self.EVEN for count in spread.values()), spread

    def test_rules_can_be_read(self, lab):
        vip = lab.get("service", "web")["spec"]["clusterIP"]
        for node in nodes(lab):
            found = rules(lab, node)
            assert vip in found
            assert "default/web" in found
            assert all(f"{ip}" in found for ip in pod_ips(lab).values())

    def test_a_pod_cannot_touch_them(self, lab):
        done = lab.fairlead("exec", "--name", lab.name, "client", "--", "nft", "list", "ruleset", check=False)
        assert done.returncode != 0
        assert "not permitted" in done.stderr

    def test_a_pod_cannot_see_the_keys_of_the_cluster(self, lab):
        assert (lab.data / "pki" / "ca.key").exists()
        for folder in (lab.data, lab.folder / "run" / "fairlead"):
            assert lab.exec("client", "ls", "-A", str(folder), check=False) == ""
            assert lab.exec("client", "ls", "-A", f"/proc/1/root{folder}", check=False) == ""

    def test_run_makes_a_command_of_this_machine_a_pod(self, lab):
        done = lab.fairlead(
            "run", "--name", lab.name, "--", "curl", "-s", "http://web.default.svc.cluster.local/hostname"
        )
        assert done.stdout.strip() in WEB_PODS
        assert lab.fairlead("run", "--name", lab.name, "--", "sh", "-c", "exit 7", check=False).returncode == 7


class TestReadiness:
    def in_rules(self, lab: Lab, ip: str) -> bool:
        return ip in rules(lab, nodes(lab)[0])

    def test_an_unready_pod_leaves_names_and_rules_and_comes_back(self, lab):
        ips = pod_ips(lab)
        lab.exec("web-1", "touch", "/tmp/unready")
        eventually(lambda: addresses(lab, "headless-service-selector") == {ips["web-0"]})
        eventually(lambda: not self.in_rules(lab, ips["web-1"]))
        lab.exec("web-1", "rm", "/tmp/unready")
        eventually(lambda: addresses(lab, "headless-service-selector") == set(ips.values()))
        eventually(lambda: self.in_rules(lab, ips["web-1"]))

    def test_a_deleted_pod_leaves_at_once_and_its_successor_joins(self, lab):
        ips = pod_ips(lab)
        lab.kubectl("delete", "pod", "web-1", "--wait=false")
        eventually(lambda: addresses(lab, "headless-service-selector") == {ips["web-0"]})
        eventually(lambda: not self.in_rules(lab, ips["web-1"]))
        lab.kubectl("wait", "--for=delete", "pod/web-1", "--timeout=60s")
        lab.kubectl("apply", "-f", str(EXAMPLE / "manifests.yaml"))
        lab.until_ready("web-1")
        eventually(lambda: addresses(lab, "headless-service-selector") == set(pod_ips(lab).values()))
