"""The Events that controllers write: upstream's reasons and messages for each kind.

Upstream: ``pkg/controller/controller_utils.go`` (Pods), ``statefulset/stateful_pod_control.go``,
``daemon/daemon_controller.go``, ``cronjob/cronjob_controllerv2.go``, ``deployment/sync.go``, ``job/job_controller.go``.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fairlead.model.events import EventText
from fairlead.model.objects import Condition, Pod
from fairlead.model.workloads import Job, JobStatus


class EventTemplates(NamedTuple):
    """Messages of the Events about objects that a controller creates and deletes. An empty one writes no Event.

    Templates have ``{name}`` of the object, ``{owner}`` and ``{error}``.

    Attributes:
        creation_failed_reason: upstream has its own reason for ReplicaSets.
    """

    created: str = ""
    deleted: str = ""
    creation_failed: str = ""
    deletion_failed: str = ""
    creation_failed_reason: str = "FailedCreate"


_OF_STATEFUL_SET = "Pod {name} in StatefulSet {owner}"
OF_PODS = EventTemplates(
    "Created pod: {name}", "Deleted pod: {name}", "Error creating: {error}", "Error deleting: {error}"
)
OF_STATEFUL_PODS = EventTemplates(
    f"create {_OF_STATEFUL_SET} successful",
    f"delete {_OF_STATEFUL_SET} successful",
    f"create {_OF_STATEFUL_SET} failed error: {{error}}",
    f"delete {_OF_STATEFUL_SET} failed error: {{error}}",
)
OF_JOBS = EventTemplates(
    "Created job {name}", "Deleted job {name}", "Error creating job: {error}", "Deleted job: {error}"
)
OF_REPLICA_SETS = EventTemplates(
    creation_failed='Failed to create new replica set "{name}": {error}', creation_failed_reason="ReplicaSetCreateError"
)


def created(templates: EventTemplates, name: str, owner: str) -> EventText:
    """The Event about an object that was created."""
    return EventText("SuccessfulCreate", templates.created.format(name=name, owner=owner))


def deleted(templates: EventTemplates, name: str, owner: str) -> EventText:
    """The Event about an object that was deleted."""
    return EventText("SuccessfulDelete", templates.deleted.format(name=name, owner=owner))


def creation_failed(templates: EventTemplates, name: str, owner: str, error: object) -> EventText:
    """The Event about an object that could not be created."""
    message = templates.creation_failed.format(name=name, owner=owner, error=error)
    return EventText(templates.creation_failed_reason, message, "Warning")


def deletion_failed(templates: EventTemplates, name: str, owner: str, error: object) -> EventText:
    """The Event about an object that could not be deleted."""
    return EventText("FailedDelete", templates.deletion_failed.format(name=name, owner=owner, error=error), "Warning")


def daemon_ended(pod: Pod, node: str) -> EventText:
    """The Event about a daemon that has ended, before its Pod is deleted to be created again."""
    if pod.status.phase == "Failed":
        message = f"Found failed daemon pod {pod.namespace}/{pod.name} on node {node}, will try to kill it"
        return EventText("FailedDaemonPod", message, "Warning")
    message = f"Found succeeded daemon pod {pod.namespace}/{pod.name} on node {node}, will try to delete it"
    return EventText("SucceededDaemonPod", message)


def replica_ended(pod: Pod, owner: str) -> EventText:
    """The Event about a Pod of a StatefulSet that has ended, before it is deleted to be created again."""
    begin = f"StatefulSet {pod.namespace}/{owner} is recreating"
    if pod.status.phase == "Failed":
        return EventText("RecreatingFailedPod", f"{begin} failed Pod {pod.name}", "Warning")
    return EventText("RecreatingTerminatedPod", f"{begin} terminated Pod {pod.name}")


def job_events(job: Job, after: JobStatus) -> Iterator[EventText]:
    """Events about the differences between a Job's status and its new one: suspended, resumed, complete or failed."""
    before, now = _states(job.status.conditions), _states(after.conditions)
    for type_, condition in now.items():
        if type_ not in before or before[type_].status != condition.status:
            yield from _of_condition(job, condition, after)


def _states(conditions: tuple[Condition, ...] | None) -> Mapping[str, Condition]:
    return {condition.type: condition for condition in conditions or ()}


def _of_condition(job: Job, condition: Condition, after: JobStatus) -> Iterator[EventText]:
    match condition.type, condition.status:
        case "Suspended", "True":
            yield EventText("Suspended", "Job suspended")
        case "Suspended", "False":
            yield EventText("Resumed", "Job resumed")
        case "Failed", "True":
            yield EventText(condition.reason or "", condition.message or "", "Warning")
        case "Complete", "True":
            if job.spec.completions is not None and after.succeeded > job.spec.completions:
                message = "Too many succeeded pods running after completion count reached"
                yield EventText("TooManySucceededPods", message, "Warning")
            yield EventText("Completed", "Job completed")
