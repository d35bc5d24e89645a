"""Every mutable field of a Service of every type changes, in a long history, on nodes of both back ends and with both
IP families, while clients are remembered and traffic runs: no kernel refuses anything, and no other Service notices."""

import asyncio
import itertools
import json
import random
import re
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from fairlead.drivers.kube.client import SERVICES, KubeClient, KubeError
from tests.support.labs import Lab, eventually
from tests.support.net.outsiders import NODES, ask
from tests.support.net.spreading import settled, traffic
from tests.support.users import users

MANIFESTS = Path(__file__).with_name("histories.yaml")
CONFIG = """
ipFamilies: [IPv4, IPv6]
nodes: [{proxyMode: nftables}, {proxyMode: iptables}]
"""
CHANGES = 240
FIRST_PORT = 30040  # in the band that the server gives to nobody who does not ask for it
BESIDE = 12  # changes of another Service meanwhile
SEED = 14

HTTP = {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}
PORTS = (
    [HTTP],
    [HTTP | {"port": 8080}],
    [HTTP, {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53}],
    [HTTP | {"nodePort": 30801}, {"name": "more", "port": 81, "protocol": "TCP", "targetPort": "http"}],
)
# The values that each field takes in turn; a value that the Service's type or another field forbids is left out by the
# API server's refusal, which is counted.
FIELDS = {
    "type": ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    "ports": PORTS,
    "selector": ({"app": "web"}, {"tier": "front"}, {"app": "nothing"}, None),
    "sessionAffinity": ("None", "ClientIP"),
    "sessionAffinityConfig": tuple({"clientIP": {"timeoutSeconds": n}} for n in (1, 60, 10800, 86400)),
    "externalTrafficPolicy": ("Cluster", "Local"),
    "internalTrafficPolicy": ("Cluster", "Local"),
    "externalIPs": ([], ["198.51.100.1"], ["198.51.100.2", "2001:db8:5::1"]),
    "loadBalancerSourceRanges": ([], ["203.0.113.0/24"], ["0.0.0.0/0", "2001:db8::/32"]),
    "allocateLoadBalancerNodePorts": (True, False),
    "publishNotReadyAddresses": (True, False),
    "trafficDistribution": (None, "PreferSameZone", "PreferSameNode"),
    "ipFamilyPolicy": ("SingleStack", "PreferDualStack", "RequireDualStack"),
    "loadBalancerIP": (None, "192.168.65.200"),
}
ANNOTATIONS = (
    {},
    {"fairlead.dev/balancing": "source-hash"},
    {"service.kubernetes.io/topology-mode": "Auto"},
    {"fairlead.dev/allow-shared-ip": "x"},
)


NO_ANNOTATIONS: dict[str, str | None] = dict.fromkeys(itertools.chain(*ANNOTATIONS))


@pytest.fixture(scope="module")
def lab():
    lab = Lab(users()[-1], "-f", str(MANIFESTS))
    try:
        lab.configure(CONFIG)
        lab.up()
        yield lab
    finally:
        lab.close()


def patches(chance: random.Random):
    """Changes of one or two fields at a time, each field as often as any other."""
    for name in itertools.cycle([*FIELDS, "annotations"]):
        if name == "annotations":
            yield (
                name,
                {"metadata": {"annotations": NO_ANNOTATIONS | chance.choice(ANNOTATIONS)}},
            )
            continue
        spec = {name: chance.choice(FIELDS[name])}
        if spec.get("type") == "ExternalName":
            spec |= {"externalName": "web.example.com", "clusterIP": None, "clusterIPs": None}
        elif "type" in spec:
            spec |= {"externalName": None}
        if name == "sessionAffinityConfig":
            spec["sessionAffinity"] = "ClientIP"
        if spec.get("sessionAffinity") == "None":
            spec["sessionAffinityConfig"] = None
        if spec.get("ipFamilyPolicy") == "SingleStack":
            spec |= {"ipFamilies": [None], "clusterIPs": [None]}  # filled in with the first that there is
        yield name, {"spec": spec}


async def play(lab: Lab, history, beside: list[float]) -> tuple[Counter[str], Counter[str]]:
    """Patch the Service; how often each field was changed, and how often that was forbidden."""
    done: Counter[str] = Counter()
    forbidden: Counter[str] = Counter()
    async with KubeClient.from_kubeconfig(lab.kubeconfig) as client:
        for number, (name, patch) in enumerate(history, 1):
            if patch.get("spec", {}).get("ipFamilies"):
                now = json.loads(await client.get(SERVICES.path("default", "changing")))["spec"]
                patch["spec"] |= {key: (now.get(key) or [])[:1] for key in ("ipFamilies", "clusterIPs")}
            try:
                await client.patch(SERVICES.path("default", "changing"), patch)
                done[name] += 1
            except KubeError as error:
                if error.code != 422:
                    raise
                forbidden[name] += 1
            if number % (CHANGES // BESIDE) == 0:
                beside.append(await asyncio.to_thread(change_beside, lab, FIRST_PORT + number // (CHANGES // BESIDE)))
    return done, forbidden


def change_beside(lab: Lab, port: int) -> float:
    """Move another Service to another port; seconds until it answers there on both nodes."""
    patch = f'{{"spec": {{"ports": [{{"name": "http", "port": 80, "nodePort": {port}}}]}}}}'
    lab.kubectl("patch", "service", "beside", "-p", patch)
    began = time.monotonic()
    for address in NODES.values():
        eventually(partial(ask, lab, f"{address}:{port}"))
    return time.monotonic() - began


def metric(lab: Lab, node: str, name: str) -> float:
    """The sum of a metric of a node's proxy; 0 where it has none of that name."""
    text = lab.on_node(node, "curl", "-s", "http://127.0.0.1:10249/metrics")
    return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M)))


def test_changes_of_any_field_affect_no_other_service(lab):
    proxies = {node: lab.component_pids()[f"{node}-proxy"] for node in NODES}
    seconds: list[float] = []
    history = itertools.islice(patches(random.Random(SEED)), CHANGES)
    with traffic(lab, *settled(lab, "bystander", set(NODES)), held=0.05) as asked:
        done, forbidden = asyncio.run(play(lab, history, seconds))
    answered = sum(count for result in asked.results.values() for *_, count in result["answers"])
    print(
        f"{sum(done.values())} changes of {len(done)} fields, {sum(forbidden.values())} more forbidden by the API; "
        f"{answered} requests to another Service answered, {len(asked.failures())} failed; "
        f"a third Service followed {len(seconds)} changes within {max(seconds):.2f} s"
    )
    assert asked.failures() == [], time.monotonic()
    assert all(done[name] > 3 for name in [*FIELDS, "annotations"]), done
    for node, pid in proxies.items():
        assert lab.component_pids()[f"{node}-proxy"] == pid, f"the proxy of {node} has ended"
        assert metric(lab, node, "kubeproxy_sync_proxy_rules_refused_services") == 0
        log = (lab.data / "logs" / f"{node}-proxy.log").read_text()
        assert "Traceback" not in log
        assert "could not change the rules" not in log
    last = {"type": "NodePort", "externalName": None, "selector": {"app": "web"}, "ports": [HTTP | {"nodePort": 30888}]}
    policies = {"externalTrafficPolicy": "Cluster", "internalTrafficPolicy": "Cluster", "externalIPs": None}
    asyncio.run(_patch(lab, {"spec": last | policies | {"loadBalancerSourceRanges": None}}))
    for address in NODES.values():
        eventually(partial(ask, lab, f"{address}:30888"))


async def _patch(lab: Lab, patch: dict) -> None:
    async with KubeClient.from_kubeconfig(lab.kubeconfig) as client:
        await client.patch(SERVICES.path("default", "changing"), patch)
