"""How many Pods a ReplicaSet makes, which it deletes, and whom it claims."""

import pytest
from msgspec import structs

from fairlead.model.decode import decode
from fairlead.model.labels import requirements
from fairlead.model.objects import LabelSelector, OwnerReference, SelectorTerm
from fairlead.model.workloads import ReplicaSet, ReplicationController
from fairlead.workloads.claims import OwnedIndex, claim
from fairlead.workloads.replicaset import observe_replicas, plan_replicas
from tests.support.cluster_objects import make_pod

NOW = "2026-01-01T00:01:00Z"


def replica_set(replicas=2, **metadata):
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": {}}
    metadata = {"name": "web", "namespace": "default", "uid": "rs", "generation": 4, **metadata}
    return decode(ReplicaSet, {"metadata": metadata, "spec": spec})


def owned(pod, uid="rs"):
    owner = OwnerReference(kind="ReplicaSet", name="web", uid=uid, controller=True)
    return structs.replace(pod, metadata=structs.replace(pod.metadata, owner_references=(owner,)))


DELETED = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("pods", "creates"),
    [
        ([], 2),
        ([make_pod("a")], 1),
        ([make_pod("a"), make_pod("b", ready=False)], 0),
        ([make_pod("a"), make_pod("b", metadata=DELETED)], 1),
        ([make_pod("a"), make_pod("b", phase="Failed")], 1),
    ],
)
def test_missing_pods_are_made(pods, creates):
    plan = plan_replicas(replica_set(), pods)
    assert (plan.creates, plan.deletes) == (creates, ())


@pytest.mark.parametrize(
    ("pods", "victim"),
    [
        pytest.param([make_pod("a"), make_pod("b", nodeName="")], "b", id="not placed"),
        pytest.param([make_pod("a"), make_pod("b", phase="Pending")], "b", id="not running"),
        pytest.param([make_pod("a"), make_pod("b", ready=False)], "b", id="not ready"),
        pytest.param(
            [
                make_pod("a"),
                make_pod("b", metadata={"annotations": {"controller.kubernetes.io/pod-deletion-cost": "-1"}}),
            ],
            "b",
            id="said to be cheap",
        ),
        pytest.param([make_pod("a", nodeName="x"), make_pod("b"), make_pod("c")], "b", id="on a crowded node"),
        pytest.param(
            [
                make_pod("a", metadata={"creationTimestamp": "2026-01-01T00:00:00Z"}),
                make_pod("b", metadata={"creationTimestamp": "2026-01-01T00:00:09Z"}),
            ],
            "b",
            id="younger",
        ),
    ],
)
def test_the_most_dispensable_pod_goes_first(pods, victim):
    plan = plan_replicas(replica_set(len(pods) - 1), pods)
    assert [pod.name for pod in plan.deletes] == [victim]


def test_a_replication_controller_is_read_as_a_replica_set():
    template = {"metadata": {"labels": {"app": "web"}}}
    spec = {"replicas": 2, "selector": {"app": "web"}, "minReadySeconds": 10, "template": template}
    controller = decode(ReplicationController, {"metadata": {"name": "web", "generation": 3}, "spec": spec})
    (requirement,) = requirements(controller.spec.selector)
    assert requirement.matches({"app": "web"})
    assert not requirement.matches({"app": "other"})
    assert plan_replicas(controller, [make_pod("a")]).creates == 1
    status = observe_replicas(controller, [make_pod("a", labels={"app": "web"})], NOW)
    assert (status.replicas, status.fully_labeled_replicas, status.observed_generation) == (1, 1, 3)


def test_a_deleted_set_creates_no_pods():
    assert plan_replicas(replica_set(**DELETED), []).creates == 0


@pytest.mark.parametrize(("ready_since", "available"), [("2026-01-01T00:00:00Z", 1), ("2026-01-01T00:00:55Z", 0)])
def test_a_pod_is_available_when_it_has_been_ready_long_enough(ready_since, available):
    pod = make_pod("a")
    conditions = tuple(structs.replace(c, last_transition_time=ready_since) for c in pod.status.conditions)
    pod = structs.replace(pod, status=structs.replace(pod.status, conditions=conditions))
    patient = structs.replace(replica_set(), spec=structs.replace(replica_set().spec, min_ready_seconds=10))
    status = observe_replicas(patient, [pod], NOW)
    assert (status.replicas, status.ready_replicas, status.available_replicas) == (1, 1, available)
    assert status.observed_generation == 4


def test_claims():
    mine, lost = owned(make_pod("mine")), owned(make_pod("lost", labels={"app": "x"}))
    stray, foreign = make_pod("stray"), owned(make_pod("foreign"), "other")
    unrelated, going = make_pod("unrelated", labels={}), make_pod("going", metadata=DELETED)
    index = OwnedIndex()
    for pod in (mine, lost, stray, foreign, unrelated, going):
        index.put(None, pod)
    owner = replica_set()
    found = claim(owner, requirements(owner.spec.selector), index.candidates(owner))
    assert [[p.name for p in group] for group in found] == [["mine"], ["stray"], ["lost"]]
    dying = claim(replica_set(**DELETED), requirements(owner.spec.selector), index.candidates(owner))
    assert dying.adopt == ()
    assert claim(owner, (), [stray]).adopt == ()


def test_the_index_follows_a_pod_that_changes_hands():
    index = OwnedIndex()
    stray = make_pod("a")
    index.put(None, stray)
    index.put(stray, owned(stray))
    assert [p.name for p in index.owned_by(replica_set())] == ["a"]
    index.put(owned(stray), None)
    assert list(index.candidates(replica_set())) == []
    assert index._groups == {}


@pytest.mark.parametrize(
    ("term", "labels", "expected"),
    [
        (("k", "In", ("a", "b")), {"k": "a"}, True),
        (("k", "In", ("a", "b")), {"k": "c"}, False),
        (("k", "NotIn", ("a",)), {}, True),
        (("k", "NotIn", ("a",)), {"k": "a"}, False),
        (("k", "Exists", None), {"k": ""}, True),
        (("k", "DoesNotExist", None), {"k": ""}, False),
        (("k", "DoesNotExist", None), {}, True),
    ],
)
def test_expressions(term, labels, expected):
    (requirement,) = requirements(LabelSelector(match_expressions=(SelectorTerm(*term),)))
    assert requirement.matches(labels) is expected
