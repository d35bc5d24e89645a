"""Fields that are owned through several versions of an object: each entry has the fields of its own version."""

import pytest

from tests.support.api_world import ApiWorld
from tests.unit.registry.test_conversion import DEFINITIONS, MERGE, NEW, OLD, backup, convert, definition, schema

APPLY = {"content_type": "application/apply-patch+yaml"}
SCALERS = {
    version: f"/apis/autoscaling/{version}/namespaces/default/horizontalpodautoscalers" for version in ("v1", "v2")
}
REFERENCE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


def by_name(**versions):
    """A definition whose versions have the same fields, so that no webhook is asked; each is served or not."""
    made = definition()
    fields = schema(hours="integer", minutes="integer")
    made["spec"]["versions"] = [
        {"name": name, "served": served, "storage": name == "v2", "schema": fields} for name, served in versions.items()
    ]
    return {**made, "spec": {**made["spec"], "conversion": {"strategy": "None"}}}


@pytest.fixture(params=["None", "Webhook"])
def world(request):
    world = ApiWorld()
    world.servers["https://converter/"] = convert
    made = by_name(v1=True, v2=True) if request.param == "None" else definition()
    world.do("POST", DEFINITIONS, made)
    return world


def is_by_name(world):
    found = world.do("GET", f"{DEFINITIONS}/backups.example.com")
    return found["spec"]["conversion"]["strategy"] == "None"


def apply(world, url, document, manager="one", force=""):
    return world.do("PATCH", f"{url}?fieldManager={manager}{force}", document, **APPLY)


def entries(document):
    found = document["metadata"].get("managedFields", [])
    return {(each["manager"], each["operation"], each["apiVersion"]): each["fieldsV1"] for each in found}


def spec(*names):
    return {"f:spec": {f"f:{name}": {} for name in names}}


def test_an_apply_through_another_version_is_by_the_same_manager(world):
    apply(world, f"{OLD}/a", backup("a", hours=2))
    made = apply(world, f"{NEW}/a", backup("a", "v2", minutes=180))
    assert entries(made) == {("one", "Apply", "example.com/v2"): spec("minutes")}
    assert made["spec"] == {"minutes": 180}  # `hours` of v1 is not applied any more


def test_another_manager_through_another_version_meets_a_conflict_in_the_words_of_the_first(world):
    apply(world, f"{OLD}/a", backup("a", hours=2), "one")
    again = {"hours": 3} if is_by_name(world) else {"minutes": 180}
    refusal = world.refused("PATCH", f"{NEW}/a?fieldManager=two", backup("a", "v2", **again), **APPLY)
    assert refusal["message"] == 'Apply failed with 1 conflict: conflict with "one": .spec.hours'
    made = apply(world, f"{NEW}/a", backup("a", "v2", **again), "two", "&force=true")
    assert entries(made) == {("two", "Apply", "example.com/v2"): spec(*again)}


def test_fields_owned_through_another_version_stay(world):
    apply(world, f"{OLD}/a", backup("a", hours=2), "one")
    same = {"hours": 2} if is_by_name(world) else {"minutes": 120}
    apply(world, f"{NEW}/a", backup("a", "v2", **same), "two")
    made = apply(world, f"{OLD}/a", backup("a"), "one")
    assert world.do("GET", f"{NEW}/a")["spec"] == same
    assert entries(made)["two", "Apply", "example.com/v2"] == spec(*same)
    assert entries(made)["one", "Apply", "example.com/v1"] == {"f:spec": {}}


def test_updates_through_two_versions_have_two_entries(world):
    world.do("POST", f"{OLD}?fieldManager=one", backup("a", hours=2))
    patched = world.do("PATCH", f"{NEW}/a?fieldManager=one", {"metadata": {"labels": {"a": "b"}}}, **MERGE)
    assert entries(patched)["one", "Update", "example.com/v1"] == spec("hours")
    assert entries(patched)["one", "Update", "example.com/v2"] == {"f:metadata": {"f:labels": {"f:a": {}}}}
    taken = world.do("PATCH", f"{NEW}/a?fieldManager=two", {"spec": {"hours": None, "minutes": 60}}, **MERGE)
    assert entries(taken)["two", "Update", "example.com/v2"] == spec("minutes")
    assert ("one", "Update", "example.com/v1") not in entries(taken)


def test_the_fields_of_a_removed_version_have_no_owner():
    world = ApiWorld()
    world.do("POST", DEFINITIONS, by_name(v1=True, v2=True, v3=True))
    old = "/apis/example.com/v3/namespaces/default/backups/a"
    apply(world, old, backup("a", "v3", hours=2))
    kept = world.do("GET", f"{DEFINITIONS}/backups.example.com")
    versions = by_name(v1=True, v2=True)["spec"]["versions"]
    world.do("PUT", f"{DEFINITIONS}/backups.example.com", {**kept, "spec": {**kept["spec"], "versions": versions}})
    made = apply(world, f"{NEW}/a", backup("a", "v2", minutes=60), "two")
    assert entries(made) == {("two", "Apply", "example.com/v2"): spec("minutes")}
    assert made["spec"] == {"hours": 2, "minutes": 60}


def test_an_autoscaler_is_owned_in_the_words_of_each_version():
    world = ApiWorld()
    body = {"scaleTargetRef": REFERENCE, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50}
    scaler = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}}
    made = apply(world, f"{SCALERS['v1']}/a", {**scaler, "spec": body})
    assert "f:targetCPUUtilizationPercentage" in entries(made)["one", "Apply", "autoscaling/v1"]["f:spec"]
    world.do("PATCH", f"{SCALERS['v2']}/a?fieldManager=two", {"spec": {"metrics": []}}, **MERGE)
    found = entries(world.do("GET", f"{SCALERS['v1']}/a"))
    assert "f:targetCPUUtilizationPercentage" not in found["one", "Apply", "autoscaling/v1"]["f:spec"]


def test_an_event_is_owned_in_the_words_of_its_version():
    world = ApiWorld()
    url = "/apis/events.k8s.io/v1/namespaces/default/events"
    event = {
        "metadata": {"name": "a"},
        "note": "it happened",
        "reason": "It",
        "type": "Normal",
        "action": "Do",
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reportingController": "example.com/c",
        "reportingInstance": "c-1",
        "eventTime": "2026-01-01T00:00:00.000000Z",
    }
    made = world.do("POST", f"{url}?fieldManager=one", event)
    assert {"f:note", "f:regarding"} < entries(made)["one", "Update", "events.k8s.io/v1"].keys()
