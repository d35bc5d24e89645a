"""The reasons why a workload is still awaited."""

import pytest

from fairlead.model.decode import decode
from fairlead.model.objects import Pod
from fairlead.model.workloads import DaemonSet, Deployment, Job, ReplicaSet, ReplicationController, StatefulSet
from fairlead.workloads.rollout import awaited, container_states, pods_of
from tests.support.cluster_objects import make_pod

UNSEEN = "its spec is yet to be observed"


def of(type_, status=None, *, generation=2, seen=2, **spec):
    """An object whose controller has seen generation ``seen``."""
    metadata = {"name": "web", "namespace": "ns", "generation": generation}
    return decode(type_, {"metadata": metadata, "spec": spec, "status": {"observedGeneration": seen, **(status or {})}})


def replicas(total, updated, available):
    return {"replicas": total, "updatedReplicas": updated, "availableReplicas": available, "readyReplicas": available}


def daemons(desired, updated, available):
    counts = {"desiredNumberScheduled": desired, "updatedNumberScheduled": updated, "numberAvailable": available}
    return {**counts, "numberReady": available}


def condition(type_, status="True", reason=""):
    return {"conditions": [{"type": type_, "status": status, "reason": reason}]}


@pytest.mark.parametrize(
    ("object_", "expected"),
    [
        pytest.param(of(Deployment, replicas(1, 1, 1), seen=1), UNSEEN, id="Deployment: unseen"),
        pytest.param(of(Deployment), "0 out of 1 new replicas have been updated", id="Deployment: replicas not given"),
        pytest.param(
            of(Deployment, replicas(3, 1, 3), replicas=3),
            "1 out of 3 new replicas have been updated",
            id="Deployment: updating",
        ),
        pytest.param(
            of(Deployment, replicas(4, 3, 4), replicas=3),
            "1 old replicas are pending termination",
            id="Deployment: old ones are left",
        ),
        pytest.param(
            of(Deployment, replicas(3, 3, 2), replicas=3),
            "2 of 3 updated replicas are available",
            id="Deployment: not available",
        ),
        pytest.param(of(Deployment, replicas(3, 3, 3), replicas=3), "", id="Deployment"),
        pytest.param(of(Deployment, replicas=0), "", id="Deployment: none wanted"),
        pytest.param(
            of(Deployment, condition("Progressing", "False", "ProgressDeadlineExceeded")),
            "it exceeded its progress deadline",
            id="Deployment: too late",
        ),
        pytest.param(of(StatefulSet, generation=0, seen=0), UNSEEN, id="StatefulSet: unseen"),
        pytest.param(
            of(StatefulSet, replicas(2, 2, 1), replicas=3),
            "waiting for 2 pods to be ready",
            id="StatefulSet: not ready",
        ),
        pytest.param(
            of(StatefulSet, replicas(3, 1, 3), replicas=3),
            "1 out of 3 new pods have been updated",
            id="StatefulSet: updating",
        ),
        pytest.param(
            of(
                StatefulSet,
                replicas(3, 1, 3),
                replicas=3,
                updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
            ),
            "",
            id="StatefulSet: the rest is not to be updated",
        ),
        pytest.param(
            of(StatefulSet, replicas(3, 0, 3), replicas=3, updateStrategy={"type": "OnDelete"}),
            "",
            id="StatefulSet: whoever deletes updates",
        ),
        pytest.param(of(DaemonSet, daemons(2, 2, 2), seen=1), UNSEEN, id="DaemonSet: unseen"),
        pytest.param(
            of(DaemonSet, daemons(2, 1, 2)), "1 out of 2 new pods have been updated", id="DaemonSet: updating"
        ),
        pytest.param(
            of(DaemonSet, daemons(2, 2, 1)), "1 of 2 updated pods are available", id="DaemonSet: not available"
        ),
        pytest.param(
            of(DaemonSet, daemons(2, 0, 2), updateStrategy={"type": "OnDelete"}),
            "",
            id="DaemonSet: whoever deletes updates",
        ),
        pytest.param(of(DaemonSet, daemons(0, 0, 0)), "", id="DaemonSet: no node fits"),
        pytest.param(of(ReplicaSet, replicas(2, 0, 1), replicas=2), "1 of 2 replicas are available", id="ReplicaSet"),
        pytest.param(of(ReplicaSet, replicas(2, 0, 2), replicas=2), "", id="ReplicaSet: available"),
        pytest.param(
            of(ReplicationController, replicas(2, 0, 1), replicas=2, selector={"app": "web"}),
            "1 of 2 replicas are available",
            id="ReplicationController",
        ),
        pytest.param(of(Job, {"succeeded": 1}), "1 pods have succeeded", id="Job: running"),
        pytest.param(of(Job, condition("Complete")), "", id="Job: complete"),
        pytest.param(of(Job, condition("Complete", "False")), "0 pods have succeeded", id="Job: not complete"),
        pytest.param(
            of(Job, condition("Failed", reason="BackoffLimitExceeded")),
            "it has failed: BackoffLimitExceeded",
            id="Job: failed",
        ),
        pytest.param(of(Job, suspend=True), "", id="Job: suspended"),
        pytest.param(make_pod("a"), "", id="Pod: ready"),
        pytest.param(make_pod("a", ready=False), "it is not ready", id="Pod: not ready"),
        pytest.param(make_pod("a", ready=False, phase="Pending"), "it is Pending", id="Pod: pending"),
        pytest.param(make_pod("a", ready=False, phase="Succeeded"), "", id="Pod: has done its work"),
        pytest.param(
            make_pod("a", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}), "it is terminating", id="Pod: going"
        ),
    ],
)
def test_awaited_objects(object_, expected):
    assert awaited(object_) == expected


STATES = [
    {"name": "done", "state": {"terminated": {"exitCode": 0}}},
    {"name": "pulls", "state": {"waiting": {"reason": "ImagePullBackOff", "message": 150 * "why "}}},
    {"name": "begins", "state": {"waiting": {"reason": "ContainerCreating"}}},
    {"name": "failed", "state": {"terminated": {"exitCode": 3}}},
    {"name": "runs", "state": {"running": {}}},
]


def test_the_state_of_awaited_containers():
    status = {"initContainerStatuses": STATES[:1], "containerStatuses": STATES[1:]}
    pod = decode(Pod, {"metadata": {"name": "a", "namespace": "default"}, "status": status})
    assert container_states(pod) == [
        f"container pulls of Pod default/a waits: ImagePullBackOff: {48 * 'why '}[...]",
        "container begins of Pod default/a waits: ContainerCreating",
        "container failed of Pod default/a has ended with exit code 3",
        "container runs of Pod default/a runs",
    ]
    assert container_states(make_pod("a")) == []


def test_awaited_pods():
    pods = [make_pod("a", labels={"app": "web"}), make_pod("b", labels={"batch.kubernetes.io/job-name": "web"})]
    assert pods_of(pods[0], pods) == pods[:1]
    assert pods_of(decode(Job, {"metadata": {"name": "web", "namespace": "default"}}), pods) == pods[1:]
