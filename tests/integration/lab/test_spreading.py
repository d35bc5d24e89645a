"""Connections from outside are spread over all nodes that serve a load balancer, in both IP families, and none fails
while a node is drained or the router itself is killed."""

import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.labs import Lab, eventually
from tests.support.net.outsiders import outside
from tests.support.net.spreading import NODES, OUTSIDE, nodes_with_pods, settled, traffic
from tests.support.users import users

MANIFESTS = Path(__file__).with_name("spreading.yaml")


@pytest.fixture(scope="module")
def lab():
    """One lab for all tests; each but the last leaves it as it found it."""
    lab = Lab(users()[-1], "--nodes", "3", "--dual-stack", "-f", str(MANIFESTS))
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


def test_policy_cluster_uses_all_nodes(lab):
    found = settled(lab, "cluster", set(NODES))
    with traffic(lab, *found, least=50) as asked:
        pass
    assert asked.failures() == []
    for address in found:
        seen = {node for node, own in NODES.items() if own & set(asked.clients(address))}
        assert seen == set(NODES), "Pods see the node through which a client came"
        assert len(asked.pods(address)) == 2


def test_policy_local_uses_all_nodes_with_pods_and_keeps_the_client_address(lab):
    found = settled(lab, "local", nodes_with_pods(lab))
    with traffic(lab, *found, least=50) as asked:
        pass
    assert asked.failures() == []
    for address in found:
        assert set(asked.clients(address)) <= OUTSIDE
        assert len(asked.pods(address)) == 2


def test_services_share_an_address(lab):
    shared = settled(lab, "cluster", set(NODES))
    assert settled(lab, "sharing", set(NODES)) == shared
    for address in shared:
        host = f"[{address}]" if ":" in address else address
        for port in (80, 81):
            eventually(partial(_a_pod_answers, lab, f"http://{host}:{port}/"))


def _a_pod_answers(lab: Lab, url: str) -> bool:
    return "pod: web-" in outside(lab, "curl", "-s", "-m", "2", url)


def test_draining_a_node_fails_no_request(lab):
    """Not even connections that were there before: they stay with the node until they end."""
    before = nodes_with_pods(lab)
    local, cluster = settled(lab, "local", before), settled(lab, "cluster", set(NODES))
    drained = min(before)
    with traffic(lab, *local, *cluster, held=0.7) as asked:
        lab.kubectl("drain", drained, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=60s")
        lab.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
        after = eventually(lambda: (nodes := nodes_with_pods(lab)) != before and len(nodes) == 2 and nodes)
        settled(lab, "local", after)
    lab.kubectl("uncordon", drained)
    assert asked.failures() == []
    assert all(len(asked.pods(address)) >= 3 for address in local)


def test_killing_a_router_fails_no_request(lab):
    found = settled(lab, "cluster", set(NODES))
    with traffic(lab, *found, held=0.3) as asked:
        for _ in range(3):
            kill(lab, "router")
            time.sleep(0.5)  # what it does when it is back is part of what must fail nobody
        lab.kubectl("label", "node", "node-3", "node.kubernetes.io/exclude-from-external-load-balancers=")
        settled(lab, "cluster", {"node-1", "node-2"})
        lab.kubectl("label", "node", "node-3", "node.kubernetes.io/exclude-from-external-load-balancers-")
        settled(lab, "cluster", set(NODES))
    assert asked.failures() == []


def test_killing_all_proxies_fails_no_connection(lab):
    """The rules that they left still work, so nodes without a proxy are used when there are no others."""
    found = settled(lab, "cluster", set(NODES))
    with traffic(lab, *found, held=0.1) as asked:
        for _ in range(2):
            for node in NODES:
                kill(lab, f"{node}-proxy")
            time.sleep(0.5)
    assert asked.failures() == []


def kill(lab, component: str) -> None:
    """End a component's process, and wait for the next one."""
    before = eventually(lambda: lab.component_pids()[component])
    lab.kill(before)
    eventually(lambda: lab.component_pids().get(component) not in (None, before))


def test_the_service_says_where_it_is_routed(lab):
    settled(lab, "cluster", set(NODES))
    said = 'announcing from nodes "node-1", "node-2", "node-3" with protocol "routes"'

    def messages() -> set[str]:
        return {e["message"] for e in lab.get("events", "--field-selector", "involvedObject.name=cluster")["items"]}

    eventually(lambda: said in messages())


def test_a_node_that_dies_is_passed_over(lab):
    """Within seconds, and long before the API server counts it as lost."""
    found = settled(lab, "cluster", set(NODES))
    victim = min(set(NODES) - nodes_with_pods(lab))
    with traffic(lab, *found) as asked:
        lab.fairlead("node", "stop", "--name", lab.name, victim)
        stopped = time.monotonic()
        settled(lab, "cluster", set(NODES) - {victim})
        passed_over = time.monotonic()
        time.sleep(1.0)
    last = max((began for began, _ in asked.failures()), default=stopped)
    print(f"node stopped: {len(asked.failures())} connections failed, the last one {last - stopped:.2f} s later")
    assert last <= passed_over
