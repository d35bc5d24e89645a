"""What a Pod is given when it is made beside its defaults: tolerations and a priority."""

import pytest

from fairlead.registry.strategy import ClusterConfig
from tests.support.api_world import ApiWorld, pod

PODS = "/api/v1/namespaces/default/pods"
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"


def made(world, **spec):
    body = pod("p")
    body["spec"] |= spec
    return world.do("POST", PODS, body)["spec"]


@pytest.mark.parametrize(
    ("tolerations", "added"),
    [
        ([], [NOT_READY, UNREACHABLE]),
        ([{"key": "mine", "operator": "Exists"}], [NOT_READY, UNREACHABLE]),
        ([{"key": NOT_READY, "operator": "Exists", "effect": "NoSchedule"}], [NOT_READY, UNREACHABLE]),
        ([{"key": NOT_READY, "operator": "Exists"}], [UNREACHABLE]),
        ([{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}], []),
        ([{"operator": "Exists"}], []),
    ],
)
def test_a_pod_tolerates_a_silent_node_for_a_default_time(tolerations, added):
    found = made(ApiWorld(cluster=ClusterConfig(toleration_seconds=7)), tolerations=tolerations)["tolerations"]
    assert [toleration["key"] for toleration in found[len(tolerations) :]] == added
    assert all(toleration["tolerationSeconds"] == 7 for toleration in found[len(tolerations) :])


def test_a_manifest_without_what_admission_added_changes_nothing():
    world = ApiWorld()
    world.do("POST", PODS, pod("p"))
    before = world.do("GET", f"{PODS}/p")
    body = {**before, "spec": {k: v for k, v in before["spec"].items() if k not in ("tolerations", "priority")}}
    assert world.do("PUT", f"{PODS}/p", body) == before


def test_a_missing_priority_class_is_refused():
    world = ApiWorld()
    status = world.refused("POST", PODS, {**pod("p"), "spec": {**pod("p")["spec"], "priorityClassName": "none"}})
    assert status["message"] == 'pods "p" is forbidden: no PriorityClass with name none was found'


@pytest.mark.parametrize(("field", "value"), [("priority", 5), ("preemptionPolicy", "Never")])
def test_a_pod_may_not_claim_an_importance_of_its_own(field, value):
    world = ApiWorld()
    status = world.refused("POST", PODS, {**pod("p"), "spec": {**pod("p")["spec"], field: value}})
    assert status["code"] == 403
    assert f"({value}) must not be provided in pod spec; priority admission controller computed" in status["message"]


CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
RUNTIME = {
    "metadata": {"name": "r"},
    "handler": "h",
    "overhead": {"podFixed": {"cpu": "0.25"}},
    "scheduling": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "t", "operator": "Exists"}]},
}


def test_a_runtime_class_says_what_its_pods_need_and_where_they_run():
    world = ApiWorld()
    world.do("POST", CLASSES, RUNTIME)
    found = made(world, runtimeClassName="r", nodeSelector={"c": "d"}, tolerations=[{"operator": "Exists"}])
    assert found["overhead"] == {"cpu": "250m"}
    assert found["nodeSelector"] == {"a": "b", "c": "d"}
    assert found["tolerations"] == [{"operator": "Exists"}, {"key": "t", "operator": "Exists"}]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"runtimeClassName": "none"}, 'RuntimeClass "none" not found'),
        ({"runtimeClassName": "r", "overhead": {"cpu": "1"}}, "Pod's Overhead doesn't match RuntimeClass's"),
        ({"overhead": {"cpu": "1"}}, "Pod Overhead set without corresponding RuntimeClass"),
        (
            {"runtimeClassName": "r", "nodeSelector": {"a": "c"}},
            "conflict: runtimeClass.scheduling.nodeSelector[a] = b; pod.spec.nodeSelector[a] = c",
        ),
    ],
)
def test_a_pod_that_contradicts_its_runtime_class_is_refused(spec, why):
    world = ApiWorld()
    world.do("POST", CLASSES, RUNTIME)
    status = world.refused("POST", PODS, {**pod("p"), "spec": {**pod("p")["spec"], **spec}})
    assert status["code"] == 403
    assert why in status["message"]


@pytest.mark.parametrize(
    ("annotation", "profile"),
    [
        ("runtime/default", {"type": "RuntimeDefault"}),
        ("unconfined", {"type": "Unconfined"}),
        ("localhost/p", {"type": "Localhost", "localhostProfile": "p"}),
        ("localhost/", None),
        ("other", None),
    ],
)
@pytest.mark.parametrize("of_the_pod", [None, {"type": "Unconfined"}])
def test_an_annotation_of_old_sets_the_profile(annotation, profile, of_the_pod):
    body = pod("p", annotations={"container.apparmor.security.beta.kubernetes.io/main": annotation})
    body["spec"]["securityContext"] = {"appArmorProfile": of_the_pod} if of_the_pod else {}
    (container,) = ApiWorld().do("POST", PODS, body)["spec"]["containers"]
    found = container.get("securityContext", {}).get("appArmorProfile")
    assert found == (None if profile == of_the_pod else profile)


def test_the_field_of_a_profile_counts_more_than_the_annotation():
    body = pod("p", annotations={"container.apparmor.security.beta.kubernetes.io/main": "unconfined"})
    body["spec"]["containers"][0]["securityContext"] = {"appArmorProfile": {"type": "RuntimeDefault"}}
    (container,) = ApiWorld().do("POST", PODS, body)["spec"]["containers"]
    assert container["securityContext"] == {"appArmorProfile": {"type": "RuntimeDefault"}}
