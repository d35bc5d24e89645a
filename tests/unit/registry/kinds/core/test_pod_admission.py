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
