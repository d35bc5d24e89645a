"""Disruption budgets: how many Pods may go, and what the API server makes of an eviction."""

import pytest
from msgspec import structs

from fairlead.model.decode import decode
from fairlead.model.objects import OwnerReference
from fairlead.model.workloads import PodDisruptionBudget
from fairlead.workloads.disruption import observe_budget
from tests.support.api_world import NOW, ApiWorld, pod
from tests.support.cluster_objects import make_pod

PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


def owned(name, **fields):
    made = make_pod(name, **fields)
    owner = OwnerReference(kind="ReplicaSet", name="web", uid="rs", controller=True)
    return structs.replace(made, metadata=structs.replace(made.metadata, owner_references=(owner,)))


def budget(spec, **status):
    document = {"metadata": {"name": "b", "namespace": "default", "generation": 2}, "spec": spec, "status": status}
    return decode(PodDisruptionBudget, document)


@pytest.mark.parametrize(
    ("spec", "ready", "replicas", "expected"),
    [
        ({"minAvailable": 2}, 3, 3, (3, 2, 1)),
        ({"minAvailable": 2}, 2, 3, (2, 2, 0)),
        ({"minAvailable": 0}, 2, 3, (2, 0, 2)),
        ({"minAvailable": "50%"}, 3, 3, (3, 2, 1)),
        ({"minAvailable": "100%"}, 3, 3, (3, 3, 0)),
        ({"maxUnavailable": 1}, 3, 3, (3, 2, 1)),
        ({"maxUnavailable": 1}, 2, 3, (2, 2, 0)),
        ({"maxUnavailable": 1}, 3, 5, (3, 4, 0)),
        ({"maxUnavailable": "34%"}, 3, 3, (3, 1, 2)),
        ({}, 3, 3, (3, 0, 3)),
    ],
)
def test_the_number_of_allowed_disruptions(spec, ready, replicas, expected):
    pods = [owned(f"p{i}", ready=i < ready) for i in range(3)]
    found = observe_budget(budget(spec), pods, {"rs": replicas}, NOW)
    assert (found.current_healthy, found.desired_healthy, found.disruptions_allowed) == expected
    assert found.observed_generation == 2


def test_a_pod_whose_eviction_was_allowed_counts_as_gone_for_a_while():
    pods = [owned(f"p{i}") for i in range(3)]
    allowed = {"p0": "2025-12-31T23:59:00Z", "p1": "2025-12-31T23:50:00Z", "gone": NOW}
    found = observe_budget(budget({"minAvailable": 1}, disruptedPods=allowed), pods, {}, NOW)
    assert (found.current_healthy, dict(found.disrupted_pods)) == (2, {"p0": "2025-12-31T23:59:00Z"})


class Evictions:
    def __init__(self, *specs, ready=True, **status):
        self.api = ApiWorld()
        labelled = pod("web", "n", labels={"app": "web"})
        self.api.do("POST", PODS, labelled)
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        self.api.do("PATCH", f"{PODS}/web/status", {"status": {"phase": "Running", "conditions": conditions}}, **MERGE)
        for number, spec in enumerate(specs):
            document = {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": f"b{number}"},
                "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
            }
            self.api.do("POST", BUDGETS, document)
            self.api.do("PATCH", f"{BUDGETS}/b{number}/status", {"status": status}, **MERGE)

    @property
    def eviction(self):
        return {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web", "namespace": "default"}}

    def evict(self, **fields):
        return self.api.do("POST", f"{PODS}/web/eviction", {**self.eviction, **fields})

    def refused(self, **fields):
        return self.api.refused("POST", f"{PODS}/web/eviction", {**self.eviction, **fields})

    def is_ending(self):
        return "deletionTimestamp" in self.api.do("GET", f"{PODS}/web")["metadata"]


MERGE = {"content_type": "application/merge-patch+json"}
SPARE = {"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 1, "desiredHealthy": 0}
NO_SPARE = SPARE | {"disruptionsAllowed": 0, "desiredHealthy": 1}


def test_without_a_budget_an_eviction_is_a_deletion():
    world = Evictions()
    assert world.evict(deleteOptions={"gracePeriodSeconds": 7})["status"] == "Success"
    assert world.api.do("GET", f"{PODS}/web")["metadata"]["deletionGracePeriodSeconds"] == 7


def test_a_budget_is_charged_for_it():
    world = Evictions({"maxUnavailable": 1}, **SPARE)
    world.evict()
    status = world.api.do("GET", f"{BUDGETS}/b0")["status"]
    assert (status["disruptionsAllowed"], status["disruptedPods"]) == (0, {"web": NOW})
    assert world.is_ending()


def test_a_dry_run_changes_nothing():
    world = Evictions({"maxUnavailable": 1}, **SPARE)
    before = world.api.state
    world.evict(deleteOptions={"dryRun": ["All"]})
    assert world.api.state.objects == before.objects


def test_an_exhausted_budget_refuses():
    refusal = Evictions({"minAvailable": 1}, **NO_SPARE).refused()
    assert (refusal["code"], refusal["reason"], refusal["message"]) == (429, "TooManyRequests", REFUSED)
    assert refusal["details"]["causes"] == [
        {"reason": "DisruptionBudget", "message": "The disruption budget b0 needs 1 healthy pods and has 1 currently"}
    ]


def test_a_budget_without_status_refuses():
    refusal = Evictions({"minAvailable": 1}).refused()
    assert refusal["details"]["retryAfterSeconds"] == 10
    assert "still being processed" in refusal["details"]["causes"][0]["message"]


@pytest.mark.parametrize(
    ("spec", "status", "goes"),
    [
        ({}, NO_SPARE, True),  # enough others are healthy
        ({}, NO_SPARE | {"currentHealthy": 0}, False),
        ({"unhealthyPodEvictionPolicy": "AlwaysAllow"}, NO_SPARE | {"currentHealthy": 0}, True),
    ],
)
def test_an_unready_pod_can_be_evicted(spec, status, goes):
    world = Evictions({"minAvailable": 1, **spec}, ready=False, **status)
    world.evict() if goes else world.refused()
    assert world.is_ending() == goes


def test_two_budgets_are_one_too_many():
    refusal = Evictions({"minAvailable": 1}, {"minAvailable": 1}, **SPARE).refused()
    assert refusal["code"] == 500
    assert "more than one PodDisruptionBudget" in refusal["message"]


def test_another_pod_s_name_is_refused():
    refusal = Evictions().refused(metadata={"name": "other"})
    assert refusal["message"] == "name in URL does not match name in Eviction object"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"minAvailable": 1, "maxUnavailable": 1}, "minAvailable and maxUnavailable cannot be both set"),
        ({"minAvailable": -1}, "spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"),
        ({"maxUnavailable": "half"}, "a valid percent string must be a numeric string followed by an ending '%'"),
        ({"maxUnavailable": "101%"}, "must not be greater than 100%"),
        ({"unhealthyPodEvictionPolicy": "Never"}, 'Unsupported value: "Never"'),
    ],
)
def test_budgets_that_are_none(spec, message):
    document = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": spec}
    assert message in ApiWorld().refused("POST", BUDGETS, document)["message"]
