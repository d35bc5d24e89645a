"""What controllers tell users by Events: upstream's reasons and messages, kind by kind.

Upstream: ``pkg/controller/controller_utils.go`` (Pods), ``statefulset/stateful_pod_control.go``,
``daemon/daemon_controller.go``, ``cronjob/cronjob_controllerv2.go``, ``deployment/sync.go``, ``job/job_controller.go``.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fairlead.model.objects import Condition, Pod
from fairlead.model.workloads import Job, JobStatus


class Saying(NamedTuple):
    """An Event to write."""

    reason: str
    message: str
    is_warning: bool = False


class Words(NamedTuple):
    """What is said about objects that a controller makes and deletes: templates with ``{name}`` of the object,
    ``{owner}`` and ``{error}``. Nothing is said where one is empty.

    Attributes:
        not_created_reason: of a failed creation; upstream has a reason of its own for ReplicaSets.
    """

    created: str = ""
    deleted: str = ""
    not_created: str = ""
    not_deleted: str = ""
    not_created_reason: str = "FailedCreate"


_OF_STATEFUL_SET = "Pod {name} in StatefulSet {owner}"
OF_PODS = Words("Created pod: {name}", "Deleted pod: {name}", "Error creating: {error}", "Error deleting: {error}")
OF_STATEFUL_PODS = Words(
    f"create {_OF_STATEFUL_SET} successful",
    f"delete {_OF_STATEFUL_SET} successful",
    f"create {_OF_STATEFUL_SET} failed error: {{error}}",
    f"delete {_OF_STATEFUL_SET} failed error: {{error}}",
)
OF_JOBS = Words("Created job {name}", "Deleted job {name}", "Error creating job: {error}", "Deleted job: {error}")
OF_REPLICA_SETS = Words(
    not_created='Failed to create new replica set "{name}": {error}', not_created_reason="ReplicaSetCreateError"
)


def made(words: Words, name: str, owner: str) -> Saying:
    """The Event about an object that was made; without a message where there is none."""
    return Saying("SuccessfulCreate", words.created.format(name=name, owner=owner))


def deleted(words: Words, name: str, owner: str) -> Saying:
    """The Event about an object that was deleted."""
    return Saying("SuccessfulDelete", words.deleted.format(name=name, owner=owner))


def not_made(words: Words, name: str, owner: str, error: object) -> Saying:
    """The Event about an object that could not be made."""
    message = words.not_created.format(name=name, owner=owner, error=error)
    return Saying(words.not_created_reason, message, is_warning=True)


def not_deleted(words: Words, name: str, owner: str, error: object) -> Saying:
    """The Event about an object that could not be deleted."""
    return Saying("FailedDelete", words.not_deleted.format(name=name, owner=owner, error=error), is_warning=True)


def ended_daemon(pod: Pod, node: str) -> Saying:
    """The Event about a daemon that has ended, before its Pod is deleted to be made again."""
    if pod.status.phase == "Failed":
        message = f"Found failed daemon pod {pod.namespace}/{pod.name} on node {node}, will try to kill it"
        return Saying("FailedDaemonPod", message, is_warning=True)
    message = f"Found succeeded daemon pod {pod.namespace}/{pod.name} on node {node}, will try to delete it"
    return Saying("SucceededDaemonPod", message)


def ended_replica(pod: Pod, owner: str) -> Saying:
    """The same about a Pod of a StatefulSet."""
    begin = f"StatefulSet {pod.namespace}/{owner} is recreating"
    if pod.status.phase == "Failed":
        return Saying("RecreatingFailedPod", f"{begin} failed Pod {pod.name}", is_warning=True)
    return Saying("RecreatingTerminatedPod", f"{begin} terminated Pod {pod.name}")


def job_sayings(job: Job, after: JobStatus) -> Iterator[Saying]:
    """What a Job's new status has that its old one had not: that it is suspended, resumed, complete or failed."""
    before, now = _states(job.status.conditions), _states(after.conditions)
    for type_, condition in now.items():
        if type_ not in before or before[type_].status != condition.status:
            yield from _of_condition(job, condition, after)


def _states(conditions: tuple[Condition, ...] | None) -> Mapping[str, Condition]:
    return {condition.type: condition for condition in conditions or ()}


def _of_condition(job: Job, condition: Condition, after: JobStatus) -> Iterator[Saying]:
    match condition.type, condition.status:
        case "Suspended", "True":
            yield Saying("Suspended", "Job suspended")
        case "Suspended", "False":
            yield Saying("Resumed", "Job resumed")
        case "Failed", "True":
            yield Saying(condition.reason or "", condition.message or "", is_warning=True)
        case "Complete", "True":
            if job.spec.completions is not None and after.succeeded > job.spec.completions:
                message = "Too many succeeded pods running after completion count reached"
                yield Saying("TooManySucceededPods", message, is_warning=True)
            yield Saying("Completed", "Job completed")
