"""HorizontalPodAutoscalers under autoscaling/v1, which keeps in annotations what it has no fields for."""

import json

import pytest

from tests.support.api_world import ApiWorld

V1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
V2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
MEMORY = {
    "type": "Resource",
    "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 70}},
}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}


@pytest.fixture
def world():
    return ApiWorld()


def autoscaler(**spec):
    return {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": TARGET, "maxReplicas": 5, **spec}}


def test_processors_are_a_field(world):
    made = world.do("POST", V1, autoscaler(targetCPUUtilizationPercentage=50))
    assert (made["apiVersion"], made["spec"]["targetCPUUtilizationPercentage"]) == ("autoscaling/v1", 50)
    assert world.do("GET", f"{V2}/web")["spec"]["metrics"] == [CPU]


def test_the_default_is_that_of_v2(world):
    assert world.do("POST", V1, autoscaler())["spec"]["targetCPUUtilizationPercentage"] == 80


def test_everything_else_is_in_annotations(world):
    world.do("POST", V2, autoscaler(metrics=[MEMORY, CPU], behavior={"scaleDown": {"selectPolicy": "Disabled"}}))
    shown = world.do("GET", f"{V1}/web")
    annotations = shown["metadata"]["annotations"]
    assert json.loads(annotations["autoscaling.alpha.kubernetes.io/metrics"]) == [MEMORY]
    behavior = json.loads(annotations["autoscaling.alpha.kubernetes.io/behavior"])
    assert behavior["scaleDown"]["selectPolicy"] == "Disabled"
    conditions = json.loads(annotations["autoscaling.alpha.kubernetes.io/conditions"])
    assert conditions[0]["type"] == "ScalingActive"
    assert shown["spec"] == {
        "scaleTargetRef": TARGET,
        "minReplicas": 1,
        "maxReplicas": 5,
        "targetCPUUtilizationPercentage": 50,
    }


def test_reading_and_writing_back_changes_nothing(world):
    before = world.do("POST", V2, autoscaler(metrics=[MEMORY, CPU], behavior={"scaleDown": {}}))
    world.do("PUT", f"{V1}/web", world.do("GET", f"{V1}/web"))
    after = world.do("GET", f"{V2}/web")
    assert sorted(after["spec"].pop("metrics"), key=str) == sorted(before["spec"].pop("metrics"), key=str)
    assert (after["spec"], after["status"]) == (before["spec"], before["status"])
    assert "annotations" not in after["metadata"]


def test_patches_lists_watches_and_the_status(world):
    world.do("POST", V2, autoscaler())
    merge = {"content_type": "application/merge-patch+json"}
    patched = world.do("PATCH", f"{V1}/web", {"spec": {"targetCPUUtilizationPercentage": 60}}, **merge)
    assert patched["spec"]["targetCPUUtilizationPercentage"] == 60
    (item,) = world.do("GET", V1)["items"]
    assert item["apiVersion"] == "autoscaling/v1"
    watch = world.ask("GET", f"{V1}?watch=true")
    world.do("PATCH", f"{V1}/web/status", {"status": {"currentReplicas": 2, "desiredReplicas": 3}}, **merge)
    assert len(world.events(watch)) == 1
    assert world.do("GET", f"{V2}/web/status")["status"]["currentReplicas"] == 2


def test_a_v1_autoscaler_can_be_applied_on_the_server(world):
    made = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", **autoscaler()}
    apply = {"content_type": "application/apply-patch+yaml"}
    for percent in (50, 60):
        made["spec"]["targetCPUUtilizationPercentage"] = percent
        shown = world.do("PATCH", f"{V1}/web?fieldManager=me", made, **apply)
        assert (shown["apiVersion"], shown["spec"]["targetCPUUtilizationPercentage"]) == ("autoscaling/v1", percent)
    assert [entry["manager"] for entry in shown["metadata"]["managedFields"]] == ["me"]


def test_an_annotation_that_is_no_json_says_nothing(world):
    broken = autoscaler()
    broken["metadata"]["annotations"] = {"autoscaling.alpha.kubernetes.io/metrics": "{", "own": "kept"}
    world.do("POST", V1, broken)
    stored = world.do("GET", f"{V2}/web")
    assert stored["metadata"]["annotations"] == {"own": "kept"}
    assert stored["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 80


def test_discovery_prefers_v2(world):
    group = world.do("GET", "/apis/autoscaling")
    assert group["preferredVersion"]["version"] == "v2"
    assert [each["version"] for each in group["versions"]] == ["v2", "v1"]
