"""Every example runs to its end with the described results: as an ordinary user, one of them as root.

Those that need no lab of a special kind, and leave it as it was, share one.
"""

import re
from collections import Counter
from functools import partial

import pytest

from tests.support.full import IS_FULL
from tests.support.labs import Lab
from tests.support.plays import played, played_in
from tests.support.users import CHECKOUT, users, weakest


@pytest.fixture(scope="module", params=weakest(), ids=str)
def lab(request):
    made = Lab(request.param)
    try:
        made.up()
        yield made
        made.down()
        assert not made.processes()
    finally:
        made.close()


@pytest.fixture
def play(lab):
    """Runs an example in the shared lab."""
    return partial(played_in, lab)


def test_headless(play):
    shown = play("headless")
    assert "NXDOMAIN" in shown.next("nslookup my-headless-service")
    assert shown.next("nslookup headless-service-selector").count("Address: 10.244.") == 2
    assert shown.next("nslookup web").count("Address: 10.96.") == 1
    assert "Address: 192.0.2.10" in shown.next("nslookup my-headless-service")
    assert set(re.findall(r"\d+ (.*)", shown.next("curl"))) == {"web-0", "web-1"}


def test_externalname(play):
    shown = play("externalname")
    first, second = shown.next("dig +search +noall +answer orders").splitlines()
    assert re.search(r"CNAME\s+orders\.backend\.svc\.cluster\.local\.$", first)
    virtual_ip = re.search(r"\sA\s+(10\.96\.\S+)$", second)
    assert virtual_ip
    answer = shown.next("curl -sS http://orders/")
    assert "pod: orders-0" in answer
    assert "host: orders" in answer
    assert shown.next("nft list ruleset").strip() == "0"
    outside = shown.next("payments")
    assert "NXDOMAIN" in outside
    assert "api.example.com." in outside
    assert re.search(r"\sA\s+10\.244\.", shown.next("dig +search +noall +answer orders"))
    assert "Couldn't connect" in shown.next("orders:8080")
    assert "NXDOMAIN" in shown.next("dig +noall")
    by_address = shown.next("by-address")
    assert "NXDOMAIN" in by_address
    assert "CNAME" not in by_address


def test_stacking(play):
    """The example itself waits until just those addresses answer that should."""
    shown = play("stacking")
    objects = []
    answers = []
    for _ in range(6):
        objects.append(shown.next("get service web").splitlines()[1].split())
        answers.append({line.split()[0]: line.split()[1] for line in shown.next("for at in").splitlines()})
    types, virtual_ips, node_ports, balancers, names = zip(*objects, strict=True)
    assert types == ("ClusterIP", "NodePort", "LoadBalancer", "NodePort", "ExternalName", "ClusterIP")
    assert len(set(virtual_ips[:4])) == 1
    assert virtual_ips[4] == "<none>"
    assert virtual_ips[5] not in virtual_ips[:5]
    assert len(set(node_ports[1:4])) == 1
    assert {node_ports[index] for index in (0, 4, 5)} == {"<none>"}
    assert [balancer != "<none>" for balancer in balancers] == [False, False, True, False, False, False]
    assert names[4] == "web.example.com"
    answering = [[address for address, who in each.items() if who.startswith("web-")] for each in answers]
    assert [len(each) for each in answering] == [1, 2, 3, 2, 0, 1]


def fields(output: str) -> dict[str, str]:
    """What the echo tells of itself and of who asked, ports left out."""
    found = dict(re.findall(r"^(\w+): (.*)$", output, re.MULTILINE))
    return {**found, "client": found.get("client", "").partition(":")[0]}


@pytest.mark.full
@pytest.mark.parametrize("user", weakest(), ids=str)
def test_nodeport(user):
    with played("nodeport", user) as shown:
        check_node_port(shown)


def check_node_port(shown):
    cluster = [fields(shown.next(f"192.168.64.{last}:30080")) for last in (11, 12)]
    assert [answer["pod"] for answer in cluster] == ["web-0", "web-0"]
    assert [answer["client"] for answer in cluster] == ["192.168.64.11", "192.168.64.12"]
    unreachable = shown.next("--outside")
    assert unreachable.count("curl: (7)") + unreachable.count("curl: (28)") == 2
    assert fields(shown.next("192.168.64.11:30080"))["client"] == "203.0.113.10"
    assert "curl: (28)" in shown.next("192.168.64.12:30080")
    from_a_pod = fields(shown.next("192.168.64.12:30080"))
    assert from_a_pod["pod"] == "web-0"
    assert from_a_pod["client"].startswith("10.244.2.")
    assert "curl: (7)" in shown.next("127.0.0.1")


def passed(output):
    """The rules that packets have passed, each with its chain, in order; less those of other Services, which Pods may
    have used meanwhile."""
    found = re.findall(r"^0 -> (\d+)  (\S+) +(.*)$", output, re.MULTILINE)
    return [(chain, text) for packets, chain, text in found if int(packets) and not _is_other(text)]


def chains(output):
    return [chain for chain, _ in passed(output)]


# Addresses, and the chains that are named by a hash of one.
CHANGING = {r"10\.96\.\d+\.\d+": "VIRTUAL-IP", r"10\.244\.(\d+)\.[1-9]\d*": r"POD-OF-\1", r"KUBE-SEP-\w+": "KUBE-SEP"}


def as_documented(output: str) -> Counter[tuple[str, str, str]]:
    """The rules that an example has counted, in the words of docs/nodeport-rules.md: less those of other Services, and
    less what differs from run to run: addresses, which endpoint was drawn, and how often a later packet passed.
    """
    rows = re.findall(r"^(\d+) -> (\d+) +(\S+) +(.*)$", output, re.MULTILINE)
    return Counter(_row(before, after, chain, text) for before, after, chain, text in rows if not _is_other(text))


def _is_other(text: str) -> bool:
    return any(each in text for each in ("default/kubernetes", "kube-system/", "-j RETURN"))


def _row(before: str, after: str, chain: str, text: str) -> tuple[str, str, str]:
    is_drawn = chain.startswith("KUBE-SEP") or "KUBE-SEP" in text
    is_later = "ESTABLISHED" in text
    for changing, name in CHANGING.items():
        chain, text = re.sub(changing, name, chain), re.sub(changing, name, text)
    return chain, text, "" if is_drawn or is_later else f"{before} -> {after}"


def documented_counts() -> dict[tuple[str, str], Counter[tuple[str, str, str]]]:
    """What the page shows, by back end and policy."""
    page = (CHECKOUT / "docs" / "nodeport-rules.md").read_text()
    blocks = re.findall(r"^### (\w+), policy (\w+)$.*?^```$(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return {(backend, policy): as_documented(output) for backend, policy, output in blocks}


@pytest.mark.parametrize("user", weakest(), ids=str)
def test_nodeport_rules(user):
    with played("nodeport_rules", user) as shown:
        check_rules(shown)


def check_rules(shown):
    assert "30080" in shown.next("rules --node node-1")
    nft = shown.next("count nodeport-rules node-1")
    documented = documented_counts()
    assert as_documented(nft) == documented["nft", "Cluster"]
    assert {"services", "outside-node-port-any-of-2", "node-port-any-of-2", "hide-source"} <= set(chains(nft))
    assert "KUBE-NODEPORTS" in shown.next("rules --node node-2")
    counted = shown.next("count nodeport-rules node-2")
    assert as_documented(counted) == documented["iptables", "Cluster"]
    iptables = passed(counted)
    assert {"KUBE-NODEPORTS", "KUBE-MARK-MASQ", "KUBE-POSTROUTING"} <= {chain for chain, _ in iptables}
    assert sum("DNAT" in text for _, text in iptables) == 1
    assert any(chain.startswith("KUBE-EXT") and "KUBE-MARK-MASQ" in text for chain, text in iptables)
    counted = shown.next("count nodeport-rules node-1")
    assert as_documented(counted) == documented["nft", "Local"]
    local = passed(counted)
    assert any(chain.startswith("external-node-port/default/web") for chain, _ in local)
    assert "local" in " ".join(chain for chain, _ in local)
    assert not any("masquerade" in text for chain, text in local if chain == "hide-source")
    counted = shown.next("count nodeport-rules node-2")
    assert as_documented(counted) == documented["iptables", "Local"]
    iptables = passed(counted)
    assert not any(chain == "KUBE-MARK-MASQ" for chain, _ in iptables)
    assert any(chain.startswith("KUBE-EXT") and "KUBE-SVL" in text for chain, text in iptables)


def test_statefulset(play):
    """The example itself waits for the order and the names that it speaks of."""
    shown = play("statefulset")
    created = re.findall(r"create Pod (\S+) in", shown.next("SuccessfulCreate"))
    assert created == ["db-0", "db-1", "db-2"]
    addresses = set(shown.next("+short +search db").split())
    names = dict(re.findall(r"^(\S+): (10\.\S+)$", shown.next("for n in"), re.MULTILINE))
    assert set(names) == {"db-0", "db-1", "db-2"}
    assert set(names.values()) == addresses
    records = re.findall(r"SRV\s+0 \d+ 80 (\S+)$", shown.next("SRV"), re.MULTILINE)
    assert sorted(records) == [f"db-{n}.db.default.svc.cluster.local." for n in range(3)]
    assert shown.next("hostname -f").split() == ["db-1", "db-1.db.default.svc.cluster.local"]
    assert shown.next("curl").strip() == "db-1"
    again = shown.next("kubectl get pods")
    assert names["db-1"] not in again
    assert names["db-0"] in again
    assert names["db-2"] in again
    assert shown.next("curl").strip() == "db-1"
    assert len(re.findall(r": 10\.", shown.next("for n in"))) == 5
    assert re.findall(r"delete Pod (\S+) in", shown.next("SuccessfulDelete"))[:2] == ["db-4", "db-3"]
    assert versions(shown.next("kubectl get pods")) == {"db-0": "1", "db-1": "1", "db-2": "2"}
    assert versions(shown.next("kubectl get pods")) == {"db-0": "1", "db-1": "1", "db-2": "2"}
    assert versions(shown.next("kubectl get pods")) == {"db-0": "2", "db-1": "2", "db-2": "2"}


def versions(table: str) -> dict[str, str]:
    return dict(re.findall(r"^(db-\d)\s+(\d)\s", table, re.MULTILINE))


@pytest.mark.each_user
@pytest.mark.parametrize("user", users() if IS_FULL else users()[:1], ids=str)
def test_loadbalancer(user):
    """The example itself waits for each answer; the last is the other node's."""
    with played("loadbalancer", user) as shown:
        check_load_balancer(shown)


def check_load_balancer(shown):
    address = re.search(r"192\.168\.65\.\d+", shown.next("get service"))[0]
    assert fields(shown.next(address))["client"].startswith("192.168.64.")
    assert re.findall(r"nexthop via (\S+)", shown.next("ip route")) == ["192.168.64.11", "192.168.64.12"]
    local = fields(shown.next(address))
    assert local["client"] == "203.0.113.10"
    assert local["pod"] == local["node"].replace("node", "web")
    assert '"localEndpoints": 1' in shown.next("healthz")
    assert "curl: (28)" in shown.next(address)
    assert "pod" in fields(shown.next(address))
    stopped = shown.next("node stop")
    moved = fields(shown.next(address))
    assert moved["node"] != local["node"], stopped
