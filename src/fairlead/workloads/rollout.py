"""The state of a rollout, by the rules and in the words of ``kubectl rollout status``.

Upstream: ``staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go``, which knows Deployments, DaemonSets
and StatefulSets. Beyond it: a ReplicaSet or ReplicationController is there when all of it is available, a Job when it
is complete, a Pod when it is ready or has succeeded.
"""

from collections.abc import Callable, Iterable
from textwrap import shorten
from typing import Any

from fairlead.model.labels import matches, requirements
from fairlead.model.objects import ContainerState, ContainerStatus, KubeObject, LabelSelector, Pod
from fairlead.model.workloads import (
    DaemonSet,
    Deployment,
    Job,
    ReplicaSet,
    Replicated,
    ReplicationController,
    StatefulSet,
)

_JOB_NAME = "batch.kubernetes.io/job-name"
_LONGEST_MESSAGE = 200  # characters
_UNSEEN = "its spec is yet to be observed"


def awaited(object_: KubeObject) -> str:
    """What the rollout still waits for; empty when it is complete.

    Args:
        object_: of one of the ``KINDS``.
    """
    return KINDS[type(object_)](object_)


def ready_by_status(object_: KubeObject) -> tuple[LabelSelector, int] | None:
    """The selector of its Pods, and the number of ready ones in its status; None for kinds without it.

    A reader that knows the Pods can tell from this that a status is older than they are.
    """
    match object_:
        case Deployment() | ReplicaSet() | ReplicationController() | StatefulSet():
            return object_.spec.selector, object_.status.ready_replicas
        case DaemonSet():
            return object_.spec.selector, object_.status.number_ready
    return None


def pods_of(object_: KubeObject, pods: Iterable[Pod]) -> list[Pod]:
    """The Pods that the object waits for, if it is one of the ``KINDS``."""
    match object_:
        case Pod():
            return [object_]
        case Job():
            return [p for p in pods if p.namespace == object_.namespace and p.labels.get(_JOB_NAME) == object_.name]
        case _ if counted := ready_by_status(object_):
            selector = requirements(counted[0])
            return [p for p in pods if p.namespace == object_.namespace and matches(selector, p.labels)]
        case _:
            return []


def container_states(pod: Pod) -> list[str]:
    """The state of each container that is not ready, in words; empty until a node has reported it."""
    if not awaited(pod):
        return []
    statuses = (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ()))
    return [f"container {each.name} of Pod {pod.key} {_state(each.state)}" for each in statuses if not _is_over(each)]


def _is_over(status: ContainerStatus) -> bool:
    return bool(status.state.terminated and status.state.terminated.exit_code == 0)


def _state(state: ContainerState) -> str:
    if state.waiting:
        reason, message = state.waiting.reason or "waiting", shorten(state.waiting.message, _LONGEST_MESSAGE)
        return f"waits: {reason}: {message}" if message else f"waits: {reason}"
    if state.terminated:
        return f"has ended with exit code {state.terminated.exit_code}"
    return "runs"


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
