"""Computes a Pod's status from the states of its containers: phase, conditions, container statuses.

Upstream: ``pkg/kubelet/kubelet_pods.go`` (phase) and ``pkg/kubelet/status/generate.go`` (conditions); reasons and
messages are theirs.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.model.objects import Condition, has_true_condition
from fairlead.nodeagent.life.restarts import effective_policy, restarts
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.records import CREATING, ContainerRecord, PodRecord, Running, State, Terminated, Waiting
from fairlead.nodeagent.resources import reported_resources


def build_status(pod: RunPod, record: PodRecord, now: str) -> Doc:
    """The status document; conditions that did not change keep their transition times."""
    phase = "Failed" if _is_ended_by_node(record) else pod_phase(pod.spec.restart_policy, record)
    status: Doc = {
        "phase": phase,
        "conditions": _conditions(pod, record, phase, now),
        "hostIP": record.addresses.host_ips[0],
        "hostIPs": [{"ip": ip} for ip in record.addresses.host_ips],
        "startTime": record.start_time,
        "qosClass": pod.qos_class,
        "containerStatuses": [_container_status(pod, c, record) for c in record.containers],
    }
    if record.failure and _is_ended_by_node(record):
        status |= record.failure._asdict()
    if record.init_containers:
        status["initContainerStatuses"] = [_container_status(pod, c, record) for c in record.init_containers]
    if record.ephemeral_containers:
        status["ephemeralContainerStatuses"] = [_ephemeral_status(pod, c, record) for c in record.ephemeral_containers]
    if record.addresses.pod_ips:
        status["podIP"] = record.addresses.pod_ips[0]
        status["podIPs"] = [{"ip": ip} for ip in record.addresses.pod_ips]
    return status


def _is_ended_by_node(record: PodRecord) -> bool:
    everything = (*record.containers, *record.init_containers)
    return record.failure is not None and not any(isinstance(c.state, Running) for c in everything)


def pod_phase(restart_policy: str, record: PodRecord) -> str:
    """Pending, Running, Succeeded or Failed."""
    if any(_fails_pod(c, restart_policy) for c in record.init_containers if not _is_sidecar(c)):
        return "Failed"
    if not _initialized(record):
        return "Pending"
    ends = [_end(container) for container in record.containers]
    sidecars = (c for c in record.init_containers if _is_sidecar(c))
    if any(isinstance(c.state, Running) for c in (*record.containers, *sidecars)):
        return "Running"
    if not all(ends):
        return "Pending"
    if any(_starts_again(container, restart_policy) for container in record.containers):
        return "Running"
    return "Failed" if any(end.exit_code for end in ends if end) else "Succeeded"


def _end(record: ContainerRecord) -> Terminated | None:
    return record.state if isinstance(record.state, Terminated) else record.last


def _starts_again(record: ContainerRecord, restart_policy: str, *, is_init: bool = False) -> bool:
    """Whether a container that has ended is started again."""
    container, end = record.container, _end(record)
    policy = effective_policy(container, restart_policy, is_init=is_init)
    return end is not None and restarts(policy, end.exit_code, container.restart_policy_rules or ())


def _fails_pod(record: ContainerRecord, restart_policy: str) -> bool:
    return _ended_badly(record) and not _starts_again(record, restart_policy, is_init=True)


def _ended_badly(record: ContainerRecord) -> bool:
    return isinstance(record.state, Terminated) and record.state.exit_code != 0


def _is_sidecar(record: ContainerRecord) -> bool:
    return record.container.restart_policy == "Always"


def _initialized(record: PodRecord) -> bool:
    """Whether the init containers have let the others start, which has been so once one of them has: sidecars may have
    ended by now."""
    return not _incomplete(record) or any(c.last or not isinstance(c.state, Waiting) for c in record.containers)


def _incomplete(record: PodRecord) -> list[str]:
    """Init containers that hold the others up: a sidecar until it has started, any other until it has ended well."""
    return [
        c.container.name
        for c in record.init_containers
        if not (c.started if _is_sidecar(c) else isinstance(c.state, Terminated) and c.state.exit_code == 0)
    ]


class _Verdict(NamedTuple):
    true: bool
    reason: str = ""
    message: str = ""


def _conditions(pod: RunPod, record: PodRecord, phase: str, now: str) -> list[Doc]:
    containers_ready = _containers_ready(record, phase)
    verdicts = {
        "PodReadyToStartContainers": _Verdict(record.connected and phase not in ("Succeeded", "Failed")),
        "Initialized": _is_initialized(record, phase),
        "Ready": _ready(pod, containers_ready),
        "ContainersReady": containers_ready,
        "PodScheduled": _Verdict(True),
    }
    known = {condition.type: condition for condition in pod.status.conditions or ()}
    ours = [_condition(type_, verdict, known.get(type_), now) for type_, verdict in verdicts.items()]
    others = [c for type_, c in known.items() if type_ not in verdicts]
    return ours + [_condition(c.type, _Verdict(c.status == "True", c.reason, c.message), c, now) for c in others]


def _condition(type_: str, verdict: _Verdict, before: Condition | None, now: str) -> Doc:
    status = "True" if verdict.true else "False"
    unchanged = before is not None and before.status == status
    document: Doc = {
        "type": type_,
        "status": status,
        "lastTransitionTime": (before.last_transition_time if before and unchanged else None) or now,
    }
    if verdict.reason:
        document["reason"] = verdict.reason
    if verdict.message:
        document["message"] = verdict.message
    return document


def _is_initialized(record: PodRecord, phase: str) -> _Verdict:
    if phase == "Succeeded":
        return _Verdict(True, "PodCompleted")
    if incomplete := _incomplete(record):
        return _Verdict(
            False, "ContainersNotInitialized", f"containers with incomplete status: {_list_text(incomplete)}"
        )
    return _Verdict(True)


def _containers_ready(record: PodRecord, phase: str) -> _Verdict:
    if phase in ("Succeeded", "Failed"):
        return _Verdict(False, "PodCompleted" if phase == "Succeeded" else "PodFailed")
    if record.unready:
        return _Verdict(False, "ContainersNotReady", record.unready)
    unready = [c.container.name for c in record.containers if not c.ready]
    if unready:
        return _Verdict(False, "ContainersNotReady", f"containers with unready status: {_list_text(unready)}")
    return _Verdict(True)


def _ready(pod: RunPod, containers_ready: _Verdict) -> _Verdict:
    if not containers_ready.true:
        return containers_ready
    for gate in pod.spec.readiness_gates or ():
        if not has_true_condition(pod.status.conditions, gate.condition_type):
            return _Verdict(
                False,
                "ReadinessGatesNotReady",
                f'the status of pod readiness gate "{gate.condition_type}" is not "True"',
            )
    return _Verdict(True)


def _list_text(names: Sequence[str]) -> str:
    return f"[{' '.join(names)}]"


def _container_status(pod: RunPod, record: ContainerRecord, pod_record: PodRecord) -> Doc:
    container = record.container
    state = record.state
    if state is CREATING and pod_record.trouble:
        state = Waiting("CreatePodSandboxError", pod_record.trouble)
    elif state is CREATING and record in pod_record.containers and not _initialized(pod_record):
        state = Waiting("PodInitializing")
    return {
        "name": container.name,
        "image": container.image,
        "imageID": record.image_id,
        "containerID": f"fairlead://{pod.metadata.uid}/{container.name}/{record.restart_count}",
        "state": _state(state),
        "lastState": _state(record.last) if record.last else {},
        "restartCount": record.restart_count,
        "ready": (record.ready and not pod_record.unready) or _has_done_its_part(record, pod_record),
        "started": record.started,
        **reported_resources(pod, container.name),
    }


def _ephemeral_status(pod: RunPod, record: ContainerRecord, pod_record: PodRecord) -> Doc:
    """Traffic does not depend on it: it is never ready, and nothing says whether it has started."""
    status = _container_status(pod, record, pod_record)
    del status["started"]
    return {**status, "ready": False}


def _has_done_its_part(record: ContainerRecord, pod_record: PodRecord) -> bool:
    """Whether an init container has ended well, which counts as ready (kubelet ``prober_manager.go``)."""
    ended_well = isinstance(record.state, Terminated) and record.state.exit_code == 0
    return ended_well and record in pod_record.init_containers and not _is_sidecar(record)


def _state(state: State) -> Doc:
    match state:
        case Waiting(reason, message):
            return {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        case Running(started_at):
            return {"running": {"startedAt": started_at}}
        case Terminated():
            document: Doc = {
                "exitCode": state.exit_code,
                "reason": state.reason,
                "startedAt": state.started_at,
                "finishedAt": state.finished_at,
            }
            if state.message:
                document["message"] = state.message
            return {"terminated": document}
