"""What is still awaited of something that is to run, by the rules and in the words of ``kubectl rollout status``.

Upstream: ``staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go``, which knows Deployments, DaemonSets
and StatefulSets. Beyond it: a ReplicaSet or ReplicationController is there when all of it is available, a Job when it
is complete, a Pod when it is ready or has succeeded.
"""

from collections.abc import Callable
from typing import Any

from fairlead.model.objects import KubeObject, LabelSelector, Pod
from fairlead.model.workloads import (
    DaemonSet,
    Deployment,
    Job,
    ReplicaSet,
    Replicated,
    ReplicationController,
    StatefulSet,
)

_UNSEEN = "its spec is yet to be observed"


def awaited(object_: KubeObject) -> str:
    """What the object still lacks; empty when nothing.

    Args:
        object_: of one of the ``KINDS``.
    """
    return KINDS[type(object_)](object_)


def ready_by_status(object_: KubeObject) -> tuple[LabelSelector, int] | None:
    """How many Pods its status counts as ready, and which they are; None for what is not told by Pods that are ready.

    A reader that knows the Pods can tell from this that a status is older than they are.
    """
    match object_:
        case Deployment() | ReplicaSet() | ReplicationController() | StatefulSet():
            return object_.spec.selector, object_.status.ready_replicas
        case DaemonSet():
            return object_.spec.selector, object_.status.number_ready
    return None


def _pod(pod: Pod) -> str:
    if pod.is_terminating:
        return "it is terminating"
    if pod.is_ready or pod.status.phase == "Succeeded":
        return ""
    return "it is not ready" if pod.status.phase == "Running" else f"it is {pod.status.phase}"


def _deployment(deployment: Deployment) -> str:
    status, wanted = deployment.status, deployment.replicas
    if status.observed_generation < deployment.metadata.generation:
        return _UNSEEN
    if any(c.type == "Progressing" and c.reason == "ProgressDeadlineExceeded" for c in status.conditions or ()):
        return "it exceeded its progress deadline"
    if status.updated_replicas < wanted:
        return f"{status.updated_replicas} out of {wanted} new replicas have been updated"
    if status.replicas > status.updated_replicas:
        return f"{status.replicas - status.updated_replicas} old replicas are pending termination"
    if status.available_replicas < status.updated_replicas:
        return f"{status.available_replicas} of {status.updated_replicas} updated replicas are available"
    return ""


def _daemon_set(daemon_set: DaemonSet) -> str:
    status = daemon_set.status
    wanted, updated = status.desired_number_scheduled, status.updated_number_scheduled
    if status.observed_generation < daemon_set.metadata.generation:
        return _UNSEEN
    if updated < wanted and daemon_set.spec.update_strategy.type != "OnDelete":
        return f"{updated} out of {wanted} new pods have been updated"
    if status.number_available < wanted:
        return f"{status.number_available} of {wanted} updated pods are available"
    return ""


def _stateful_set(stateful_set: StatefulSet) -> str:
    status, wanted = stateful_set.status, stateful_set.replicas
    if status.observed_generation < max(1, stateful_set.metadata.generation):
        return _UNSEEN
    if status.ready_replicas < wanted:
        return f"waiting for {wanted - status.ready_replicas} pods to be ready"
    strategy = stateful_set.spec.update_strategy
    if strategy.type == "OnDelete":
        return ""
    expected = wanted - (strategy.rolling_update.partition if strategy.rolling_update else 0)
    if status.updated_replicas < expected:
        return f"{status.updated_replicas} out of {expected} new pods have been updated"
    return ""


def _replica_set(replica_set: Replicated) -> str:
    status = replica_set.status
    if status.observed_generation < replica_set.metadata.generation:
        return _UNSEEN
    if status.available_replicas < replica_set.replicas:
        return f"{status.available_replicas} of {replica_set.replicas} replicas are available"
    return ""


def _job(job: Job) -> str:
    """A Job that is suspended is not meant to run."""
    for condition in job.status.conditions or ():
        if condition.type in ("Complete", "SuccessCriteriaMet") and condition.status == "True":
            return ""
        if condition.type in ("Failed", "FailureTarget") and condition.status == "True":
            return f"it has failed: {condition.reason}"
    return "" if job.spec.suspend else f"{job.status.succeeded} pods have succeeded"


KINDS: dict[type[KubeObject], Callable[[Any], str]] = {
    Pod: _pod,
    Deployment: _deployment,
    DaemonSet: _daemon_set,
    StatefulSet: _stateful_set,
    ReplicaSet: _replica_set,
    ReplicationController: _replica_set,
    Job: _job,
}
