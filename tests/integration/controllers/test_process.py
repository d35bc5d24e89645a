"""The controllers as a process against the real API server, with the real kubectl as the user."""

import json
import signal

import pytest

from tests.support.api_servers import Kubectl, running_api_server, wait_until
from tests.support.controller_processes import add_ready_node, namespaced, running_controllers, set_status
from tests.support.kubectls import kubectls
from tests.support.kubelets import running_heartbeats


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with (
        running_api_server(tmp_path_factory.mktemp("api")) as server,
        running_controllers(server) as controllers,
        running_heartbeats(server.kubeconfig),
    ):
        kubectl = Kubectl(kubectls()[-1], server, tmp_path_factory.mktemp("home"))
        for name in ("node-a", "node-b"):
            add_ready_node(kubectl, name)
        yield kubectl, controllers


@pytest.fixture
def namespace(cluster, request):
    return namespaced(cluster[0], request.node.name)


def pod(name, **labels):
    spec = {"containers": [{"name": "c", "image": "fairlead/pause"}], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def service(name, **selector):
    spec = {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def run_pod(kubectl, name, ip, *, ready=True):
    """Say what a node agent would say of a Pod that runs."""
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": conditions}
    set_status(kubectl, "pod", name, status)


def addresses(kubectl):
    found = [s["endpoints"] or [] for s in kubectl.items("endpointslices")]
    return sorted(e["addresses"][0] for endpoints in found for e in endpoints if e["conditions"]["ready"])


def test_pods_are_scheduled_and_become_endpoints_while_they_are_ready(namespace):
    namespace("create", "-f", "-", stdin=service("web", app="web"))
    for name in ("a", "b"):
        namespace("create", "-f", "-", stdin=pod(name, app="web"))
    wait_until(lambda: {p["spec"].get("nodeName") for p in namespace.items("pods")} == {"node-a", "node-b"})
    run_pod(namespace, "a", "10.244.0.5")
    run_pod(namespace, "b", "10.244.1.5")
    wait_until(lambda: addresses(namespace) == ["10.244.0.5", "10.244.1.5"])
    run_pod(namespace, "a", "10.244.0.5", ready=False)
    wait_until(lambda: addresses(namespace) == ["10.244.1.5"])
    namespace("delete", "pod", "b")
    wait_until(lambda: addresses(namespace) == [])
    assert len(namespace.items("endpointslices")) == 1


def test_the_slices_of_a_deleted_service_go_with_it(namespace):
    namespace("create", "-f", "-", stdin=service("web", app="web"))
    wait_until(lambda: namespace.items("endpointslices"))
    namespace("delete", "service", "web")
    wait_until(lambda: not namespace.items("endpointslices"))


def test_a_killed_controller_makes_up_for_what_it_missed(cluster, namespace):
    _, controllers = cluster
    namespace("create", "-f", "-", stdin=service("web", app="web"))
    namespace("create", "-f", "-", stdin=pod("a", app="web"))
    wait_until(lambda: namespace.items("pods")[0]["spec"].get("nodeName"))
    controllers.end(signal.SIGKILL)
    run_pod(namespace, "a", "10.244.0.5")
    namespace("create", "-f", "-", stdin=service("late", app="web"))
    controllers.start()
    wait_until(lambda: addresses(namespace) == ["10.244.0.5", "10.244.0.5"])
    assert len(namespace.items("endpointslices")) == 2


def test_a_pod_that_fits_nowhere_says_why(namespace):
    document = pod("picky")
    document["spec"]["nodeSelector"] = {"disk": "ssd"}
    namespace("create", "-f", "-", stdin=document)
    wait_until(lambda: "FailedScheduling" in namespace("describe", "pod", "picky"))
    assert "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector." in namespace(
        "describe", "pod", "picky"
    )


def test_a_namespace_gets_its_objects_and_goes_with_its_content(cluster, namespace):
    kubectl, _ = cluster
    wait_until(lambda: "kube-root-ca.crt" in namespace("get", "configmaps", "-o", "name"))
    wait_until(lambda: "default" in namespace("get", "serviceaccounts", "-o", "name"))
    namespace("create", "-f", "-", stdin=service("web", app="web"))
    namespace("create", "-f", "-", stdin=pod("a", app="web"))
    kubectl("delete", "namespace", namespace.name, "--timeout=60s")
    assert namespace.name not in kubectl("get", "namespaces")


def owned(name, owner):
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner, "blockOwnerDeletion": True}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": [reference]}}


@pytest.mark.parametrize(("policy", "left"), [("background", []), ("foreground", []), ("orphan", ["child"])])
def test_deletion_with_each_propagation_policy(namespace, policy, left):
    namespace("create", "configmap", "owner")
    uid = json.loads(namespace("get", "configmap", "owner", "-o", "json"))["metadata"]["uid"]
    namespace("create", "-f", "-", stdin=owned("child", uid))

    def names():
        return [
            c["metadata"]["name"] for c in namespace.items("configmaps") if c["metadata"]["name"] != "kube-root-ca.crt"
        ]

    namespace("delete", "configmap", "owner", f"--cascade={policy}", "--timeout=60s")
    wait_until(lambda: names() == left)
    if left:
        (child,) = [c for c in namespace.items("configmaps") if c["metadata"]["name"] == "child"]
        assert "ownerReferences" not in child["metadata"]


def test_an_object_whose_owner_never_existed_is_collected(namespace):
    namespace("create", "-f", "-", stdin=owned("child", "00000000-0000-0000-0000-000000000000"))
    wait_until(lambda: "child" not in namespace("get", "configmaps", "-o", "name"))


def test_endpoints_follow_pods_and_slices_follow_the_endpoints_of_users(namespace):
    namespace("create", "-f", "-", stdin=service("web", app="web"))
    namespace("create", "-f", "-", stdin=pod("a", app="web"))
    run_pod(namespace, "a", "10.244.0.5")

    def endpoints(name):
        path = f"/api/v1/namespaces/{namespace.name}/endpoints"
        items = json.loads(namespace.despite_warnings("get", "--raw", path))["items"]
        subsets = [each for item in items if item["metadata"]["name"] == name for each in item.get("subsets") or ()]
        return [a["ip"] for subset in subsets for a in subset.get("addresses") or ()]

    wait_until(lambda: endpoints("web") == ["10.244.0.5"])
    namespace("create", "-f", "-", stdin=service("custom") | {"spec": {"ports": [{"port": 80}]}})
    custom = {"subsets": [{"addresses": [{"ip": "203.0.113.9"}], "ports": [{"port": 80}]}]}
    document = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "custom"}, **custom}
    path = f"/api/v1/namespaces/{namespace.name}/endpoints"
    namespace.despite_warnings("create", "--raw", path, "-f", "-", stdin=document)
    wait_until(lambda: "203.0.113.9" in addresses(namespace))
    namespace("delete", "service", "custom")
    wait_until(lambda: addresses(namespace) == ["10.244.0.5"])


def test_a_service_cidr_waits_for_its_services_before_it_goes(cluster, namespace):
    kubectl, _ = cluster
    ranges = {"metadata": {"name": "more"}, "spec": {"cidrs": ["198.18.0.0/24"]}}
    kubectl("create", "-f", "-", stdin={"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", **ranges})
    kubectl("wait", "servicecidr/more", "--for=condition=Ready", "--timeout=60s")
    namespace("create", "service", "clusterip", "web", "--clusterip=198.18.0.7", "--tcp=80")
    kubectl("delete", "servicecidr", "more", "--wait=false")
    kubectl("wait", "servicecidr/more", "--for=condition=Ready=false", "--timeout=60s")
    namespace("delete", "service", "web")
    kubectl("wait", "servicecidr/more", "--for=delete", "--timeout=60s")


def test_endpoints_are_hinted_to_zones_in_proportion_to_their_cpus(cluster, namespace):
    kubectl, _ = cluster
    for node, zone in (("node-a", "a"), ("node-b", "b")):
        kubectl("label", "node", node, f"topology.kubernetes.io/zone={zone}")
        set_status(kubectl, "node", node, {"allocatable": {"cpu": "2"}})
    namespace("create", "-f", "-", stdin=service("web", app="web"))
    namespace("annotate", "service", "web", "service.kubernetes.io/topology-mode=Auto")
    for index in range(2):
        namespace("create", "-f", "-", stdin=pod(f"p{index}", app="web"))
        run_pod(namespace, f"p{index}", f"10.244.0.{index + 1}")

    def hints():
        endpoints = [e for s in namespace.items("endpointslices") for e in s["endpoints"]]
        return sorted(zone["name"] for e in endpoints for zone in e.get("hints", {}).get("forZones", ()))

    wait_until(lambda: hints() == ["a", "b"])
    wait_until(lambda: namespace.items("events", "--field-selector", "reason=TopologyAwareHintsEnabled"))
    set_status(kubectl, "node", "node-b", {"conditions": [{"type": "Ready", "status": "False"}]})
    wait_until(lambda: hints() == [])
    set_status(kubectl, "node", "node-b", {"conditions": [{"type": "Ready", "status": "True"}]})
