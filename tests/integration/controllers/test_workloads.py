"""Deployments, ReplicaSets, StatefulSets and DaemonSets as a user of kubectl sees them; the Pods are only marked as
running."""

import json

import pytest

from tests.support.api_servers import Kubectl, running_api_server, wait_until
from tests.support.controller_processes import add_ready_node, namespaced, running_controllers
from tests.support.kubectls import kubectls
from tests.support.kubelets import NEVER_READY, running_kubelets


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with (
        running_api_server(tmp_path_factory.mktemp("api")) as server,
        running_controllers(server),
        running_kubelets(server.kubeconfig),
    ):
        kubectl = Kubectl(kubectls()[-1], server, tmp_path_factory.mktemp("home"))
        for name in ("node-a", "node-b"):
            add_ready_node(kubectl, name)
        yield kubectl


@pytest.fixture
def namespace(cluster, request):
    return namespaced(cluster, request.node.name)


def workload(kind, replicas, *, labels=None, **spec):
    template = {
        "metadata": {"labels": {"app": "web", **(labels or {})}},
        "spec": {"containers": [{"name": "c", "image": "fairlead/echo:1"}], "terminationGracePeriodSeconds": 0},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": spec}


def images(namespace):
    return [p["spec"]["containers"][0]["image"] for p in namespace.items("pods")]


def names(namespace):
    return [p["metadata"]["name"] for p in namespace.items("pods")]


def rollout(namespace, kind, *arguments):
    return namespace("rollout", *arguments[:1], f"{kind}/web", *arguments[1:], "--timeout=60s")


def test_a_deployment_rolls_out_back_up_and_down(namespace):
    namespace("create", "-f", "-", stdin=workload("Deployment", 3))
    assert "successfully rolled out" in rollout(namespace, "deployment", "status")
    namespace("set", "image", "deployment/web", "c=fairlead/echo:2")
    rollout(namespace, "deployment", "status")
    wait_until(lambda: images(namespace) == ["fairlead/echo:2"] * 3)
    assert "3/3" in namespace("get", "deployment", "web", "--no-headers")
    history = namespace("rollout", "history", "deployment/web").split()
    assert [word for word in history if word.isdigit()] == ["1", "2"]
    namespace("rollout", "undo", "deployment/web")
    rollout(namespace, "deployment", "status")
    wait_until(lambda: images(namespace) == ["fairlead/echo:1"] * 3)
    namespace("scale", "deployment/web", "--replicas=5")
    wait_until(lambda: len(names(namespace)) == 5)
    namespace("scale", "deployment/web", "--replicas=1")
    wait_until(lambda: len(names(namespace)) == 1)
    assert len(namespace.items("replicasets")) == 2


def test_a_restart_replaces_every_pod(namespace):
    namespace("create", "-f", "-", stdin=workload("Deployment", 2))
    rollout(namespace, "deployment", "status")
    before = set(names(namespace))
    namespace("rollout", "restart", "deployment/web")
    rollout(namespace, "deployment", "status")
    wait_until(lambda: len(names(namespace)) == 2 and not before & set(names(namespace)))


def test_a_rollout_that_never_gets_ready_keeps_what_works(namespace):
    namespace("create", "-f", "-", stdin=workload("Deployment", 4))
    rollout(namespace, "deployment", "status")
    broken = workload("Deployment", 4, labels={NEVER_READY: ""})
    namespace("replace", "-f", "-", stdin=broken)

    def counts():
        status = json.loads(namespace("get", "deployment", "web", "-o", "json"))["status"]
        return status.get("availableReplicas", 0), status.get("updatedReplicas", 0)

    wait_until(lambda: counts() == (3, 2))
    assert len(names(namespace)) == 5


def test_a_deleted_pod_is_replaced_and_a_deleted_deployment_deletes_its_pods(namespace):
    namespace("create", "-f", "-", stdin=workload("Deployment", 2))
    rollout(namespace, "deployment", "status")
    victim = names(namespace)[0]
    namespace("delete", "pod", victim)
    wait_until(lambda: len(names(namespace)) == 2 and victim not in names(namespace))
    namespace("delete", "deployment", "web")
    wait_until(lambda: not namespace.items("pods,replicasets"))


def test_recreate_never_runs_two_versions_at_once(namespace):
    namespace("create", "-f", "-", stdin=workload("Deployment", 2, strategy={"type": "Recreate"}))
    rollout(namespace, "deployment", "status")
    namespace("set", "image", "deployment/web", "c=fairlead/echo:2")
    wait_until(lambda: images(namespace) == ["fairlead/echo:2"] * 2)


def test_a_stateful_set_keeps_names_order_and_identity(namespace):
    namespace("create", "-f", "-", stdin=workload("StatefulSet", 3, serviceName="web"))
    rollout(namespace, "statefulset", "status")
    assert names(namespace) == ["web-0", "web-1", "web-2"]
    pod = namespace.items("pods")[1]
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-1", "web")
    assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
    old = pod["metadata"]["uid"]
    namespace("delete", "pod", "web-1", "--wait=false")  # it may wait for the next Pod of that name
    wait_until(lambda: [p["metadata"]["uid"] for p in namespace.items("pods") if p["metadata"]["uid"] != old][2:])
    namespace("set", "image", "statefulset/web", "c=fairlead/echo:2")
    rollout(namespace, "statefulset", "status")
    assert images(namespace) == ["fairlead/echo:2"] * 3
    namespace("rollout", "undo", "statefulset/web")
    rollout(namespace, "statefulset", "status")
    assert images(namespace) == ["fairlead/echo:1"] * 3
    namespace("scale", "statefulset/web", "--replicas=1")
    wait_until(lambda: names(namespace) == ["web-0"])


def test_a_partition_holds_back_the_lower_ordinals(namespace):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    document = workload("StatefulSet", 2, serviceName="web", updateStrategy=strategy, podManagementPolicy="Parallel")
    namespace("create", "-f", "-", stdin=document)
    rollout(namespace, "statefulset", "status")
    namespace("set", "image", "statefulset/web", "c=fairlead/echo:2")
    wait_until(lambda: images(namespace) == ["fairlead/echo:1", "fairlead/echo:2"])
    old = namespace.items("pods")[0]["metadata"]["uid"]
    namespace("delete", "pod", "web-0", "--wait=false")  # it may wait for the next Pod of that name
    wait_until(lambda: old not in [pod["metadata"]["uid"] for pod in namespace.items("pods")])
    wait_until(lambda: images(namespace) == ["fairlead/echo:1", "fairlead/echo:2"])


def test_a_daemon_set_has_a_pod_on_every_node(cluster, namespace):
    document = workload("DaemonSet", 0)
    del document["spec"]["replicas"]
    namespace("create", "-f", "-", stdin=document)
    assert "successfully rolled out" in rollout(namespace, "daemonset", "status")

    def nodes():
        return sorted(p["spec"].get("nodeName", "") for p in namespace.items("pods"))

    assert nodes() == ["node-a", "node-b"]
    namespace("set", "image", "daemonset/web", "c=fairlead/echo:2")
    rollout(namespace, "daemonset", "status")
    wait_until(lambda: images(namespace) == ["fairlead/echo:2"] * 2)
    namespace("rollout", "undo", "daemonset/web")
    rollout(namespace, "daemonset", "status")
    wait_until(lambda: images(namespace) == ["fairlead/echo:1"] * 2)
    add_ready_node(cluster, "node-c")
    wait_until(lambda: nodes() == ["node-a", "node-b", "node-c"])
    cluster("delete", "node", "node-c")
    wait_until(lambda: nodes() == ["node-a", "node-b"])
    row = ["web", "2", "2", "2", "2", "2"]
    wait_until(lambda: namespace("get", "daemonset", "web", "--no-headers").split()[:6] == row)
