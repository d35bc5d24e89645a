"""Two processes of controllers for one cluster: one works, and when it is killed the other goes on.

``FAIRLEAD_KILLS`` says how often one is killed, by default a few times.
"""

import collections
import json
import os
import signal
import time

import pytest

from tests.support.api_servers import Kubectl, running_api_server, wait_until
from tests.support.controller_processes import Controllers, add_ready_node
from tests.support.kubectls import kubectls

KILLS = int(os.environ.get("FAIRLEAD_KILLS", "2"))
LEASE = 3  # seconds
FLAGS = (
    *("--leader-elect-lease-duration", f"{LEASE}s", "--leader-elect-renew-deadline=2s"),
    *("--leader-elect-retry-period", "500ms", "--load-balancer-pool", "192.0.2.0/24"),
)
STATES = ("ready", "standing by")  # with times as short as these, a busy machine can cost the one that works its Lease


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with running_api_server(tmp_path_factory.mktemp("api")) as server:
        kubectl = Kubectl(kubectls()[-1], server, tmp_path_factory.mktemp("home"))
        add_ready_node(kubectl, "node-a")
        replicas = [Controllers(server.kubeconfig, FLAGS) for _ in range(2)]
        for replica in replicas:
            replica.start(*STATES)
        try:
            yield kubectl, replicas
        finally:
            for replica in replicas:
                replica.end()


def lease(kubectl):
    return json.loads(kubectl("get", "lease", "-n", "kube-system", "fairlead-controllers", "-o", "json"))["spec"]


def roles(kubectl, replicas):
    """The one that works, and the other."""

    def working():
        holder = lease(kubectl).get("holderIdentity") or ""
        return next((each for each in replicas if f"-{each.process.pid}-" in holder), None)

    found = wait_until(working)
    return found, next(each for each in replicas if each is not found)


def service(name):
    spec = {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def items(kubectl, kind):
    return json.loads(kubectl("get", kind, "-o", "json"))["items"]


def service_of(slice_):
    return slice_["metadata"]["labels"]["kubernetes.io/service-name"]


def slices_of(kubectl, name):
    return [each for each in items(kubectl, "endpointslices") if service_of(each) == name]


def addresses(kubectl):
    return [
        point["ip"]
        for service in items(kubectl, "services")
        for point in service["status"]["loadBalancer"].get("ingress", ())
    ]


def test_whichever_is_killed_the_other_goes_on(cluster):
    kubectl, replicas = cluster
    gaps = []
    for turn in range(KILLS):
        working, _ = roles(kubectl, replicas)
        kubectl("create", "-f", "-", stdin=service(f"before-{turn}"))
        working.end(signal.SIGKILL)
        killed = time.monotonic()
        kubectl("create", "-f", "-", stdin=service(f"after-{turn}"))
        wait_until(lambda n=turn: slices_of(kubectl, f"after-{n}"))
        gaps.append(time.monotonic() - killed)
        working.start(*STATES)
    wait_until(lambda: len(addresses(kubectl)) == 2 * KILLS)

    def slices():
        found = [each for each in items(kubectl, "endpointslices") if each["metadata"]["name"] != "kubernetes"]
        return collections.Counter(map(service_of, found))

    print(f"{KILLS} kills: until the next one worked {', '.join(f'{gap:.2f}' for gap in gaps)} s")
    expected = {f"{name}-{turn}": 1 for name in ("before", "after") for turn in range(KILLS)}
    wait_until(lambda: slices() == expected)
    assert len(set(addresses(kubectl))) == 2 * KILLS
    assert lease(kubectl)["leaseTransitions"] >= KILLS


def test_a_frozen_leader_is_replaced_after_the_lease_and_waits_when_it_wakes(cluster):
    kubectl, replicas = cluster
    working, other = roles(kubectl, replicas)
    working.process.send_signal(signal.SIGSTOP)
    kubectl("create", "-f", "-", stdin=service("frozen"))
    wait_until(lambda: slices_of(kubectl, "frozen"))
    wait_until(lambda: roles(kubectl, replicas) == (other, working))
    working.process.send_signal(signal.SIGCONT)
    working.read_until("standing by")
    if f"-{other.process.pid}-" not in (lease(kubectl).get("holderIdentity") or ""):
        other.read_until("is lost")
    assert len(slices_of(kubectl, "frozen")) == 1
