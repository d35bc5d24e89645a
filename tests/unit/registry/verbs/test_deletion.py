"""Deletion: at once, with grace, held up by finalizers, by collection, and its answers."""

import pytest

from tests.support.api_world import ApiWorld, config_map, pod

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
SERVICES = "/api/v1/namespaces/default/services"


@pytest.fixture
def world():
    return ApiWorld()


def test_most_kinds_answer_with_a_status(world):
    created = world.do("POST", MAPS, config_map("a"))
    status = world.do("DELETE", f"{MAPS}/a")
    assert status["status"] == "Success"
    assert status["details"] == {"name": "a", "kind": "configmaps", "uid": created["metadata"]["uid"]}
    assert world.refused("DELETE", f"{MAPS}/a")["message"] == 'configmaps "a" not found'


def test_a_finalizer_holds_an_object_until_it_is_taken_away(world):
    body = config_map("a")
    body["metadata"]["finalizers"] = ["example.com/hold"]
    world.do("POST", MAPS, body)
    marked = world.do("DELETE", f"{MAPS}/a")
    assert marked["metadata"]["deletionTimestamp"]
    assert world.do("DELETE", f"{MAPS}/a") == marked
    more = {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}
    status = world.refused("PATCH", f"{MAPS}/a", more, content_type="application/merge-patch+json")
    assert "no new finalizers can be added" in status["message"]
    world.do("PATCH", f"{MAPS}/a", {"metadata": {"finalizers": None}}, content_type="application/merge-patch+json")
    assert world.refused("GET", f"{MAPS}/a")["code"] == 404


POLICIES = [("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"]), ("Background", None)]


@pytest.mark.parametrize(("policy", "finalizers"), POLICIES)
def test_a_propagation_policy_sets_finalizers(world, policy, finalizers):
    world.do("POST", MAPS, config_map("a"))
    world.do("DELETE", f"{MAPS}/a", {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy})
    if finalizers:
        assert world.do("GET", f"{MAPS}/a")["metadata"]["finalizers"] == finalizers
    else:
        assert world.refused("GET", f"{MAPS}/a")["code"] == 404


@pytest.mark.parametrize(
    ("path", "finalizers"),
    [
        ("/api/v1/namespaces/default/replicationcontrollers", ["orphan"]),
        ("/apis/batch/v1/namespaces/default/jobs", ["orphan"]),
        ("/apis/apps/v1/namespaces/default/replicasets", None),
    ],
)
def test_the_default_propagation_policy(world, path, finalizers):
    """Kinds of before there was a garbage collector leave them alone."""
    container = pod("x")["spec"]["containers"]
    selector = {"selector": {"matchLabels": {"a": "b"}}} if "replicasets" in path else {}
    restart = "Never" if "jobs" in path else "Always"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"restartPolicy": restart, "containers": container}}
    for name in ("silent", "told"):
        world.do("POST", path, {"metadata": {"name": name}, "spec": {"template": template, **selector}})
    world.do("DELETE", f"{path}/told", {"propagationPolicy": "Background"})
    world.do("DELETE", f"{path}/silent")
    left = world.do("GET", path)["items"]
    assert [item["metadata"]["finalizers"] for item in left] == ([finalizers] if finalizers else [])


def test_a_pod_on_a_node_is_given_its_grace(world):
    world.at("2026-01-01T00:00:00Z")
    world.do("POST", PODS, pod("p", node="n1"))
    marked = world.do("DELETE", f"{PODS}/p")
    assert marked["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:30Z"
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    shorter = world.do("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 5})
    assert shorter["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:05Z"
    longer = world.do("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 60})
    assert longer == shorter
    world.do("DELETE", f"{PODS}/p?gracePeriodSeconds=0")
    assert world.refused("GET", f"{PODS}/p")["code"] == 404


def test_a_pod_without_a_node_goes_at_once(world):
    world.do("POST", PODS, pod("p"))
    world.do("DELETE", f"{PODS}/p")
    assert world.refused("GET", f"{PODS}/p")["code"] == 404


PRECONDITIONS = [{"uid": "another"}, {"resourceVersion": "1"}]


@pytest.mark.parametrize("preconditions", PRECONDITIONS)
def test_preconditions_that_fail(world, preconditions):
    world.do("POST", MAPS, config_map("a"))
    status = world.refused("DELETE", f"{MAPS}/a", {"preconditions": preconditions})
    assert (status["code"], status["reason"]) == (409, "Conflict")


@pytest.mark.parametrize(
    ("asked", "of_the_pod", "grace"),
    [(10**12, 30, 1 << 31), (-5, 30, 1), (None, 10**12, 1 << 31), (None, 7, 7)],
)
def test_a_grace_of_any_size(world, asked, of_the_pod, grace):
    body = pod("p", node="n")
    body["spec"]["terminationGracePeriodSeconds"] = of_the_pod
    world.do("POST", PODS, body)
    options = {} if asked is None else {"gracePeriodSeconds": asked}
    assert world.do("DELETE", f"{PODS}/p", options)["metadata"]["deletionGracePeriodSeconds"] == grace


@pytest.mark.parametrize("body", [{"gracePeriodSeconds": "x"}, {"propagationPolicy": "Some"}, [], {"dryRun": "All"}])
def test_options_that_are_not_understood(world, body):
    world.do("POST", MAPS, config_map("a"))
    assert world.refused("DELETE", f"{MAPS}/a", body)["code"] == 400


def test_dry_run_deletes_nothing(world):
    world.do("POST", MAPS, config_map("a"))
    world.do("DELETE", f"{MAPS}/a?dryRun=All")
    world.do("DELETE", f"{MAPS}/a", {"dryRun": ["All"]})
    world.do("DELETE", f"{MAPS}?dryRun=All")
    assert world.do("GET", f"{MAPS}/a")


def test_a_collection_is_deleted_by_selector(world):
    for name, labels in [("a", {"go": "yes"}), ("b", {"go": "yes"}), ("c", None)]:
        world.do("POST", MAPS, config_map(name, labels))
    gone = world.do("DELETE", f"{MAPS}?labelSelector=go=yes")
    assert [item["metadata"]["name"] for item in gone["items"]] == ["a", "b"]
    assert [item["metadata"]["name"] for item in world.do("GET", MAPS)["items"]] == ["c"]
