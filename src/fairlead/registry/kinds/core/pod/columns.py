"""A Pod in ``kubectl get``. Upstream: ``printPod`` in pkg/printers/internalversion/printers.go.

The STATUS column is not the phase: it is the most significant reason of any container, such as a crash loop. The rules
    are in upstream's order, and later ones override earlier ones.
"""

from typing import Any, NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.kinds.cells import AGE, NAME, NONE, age, name, since, wide
from fairlead.registry.strategy import Column

COLUMNS = (
    NAME,
    Column("Ready"),
    Column("Status"),
    Column("Restarts"),
    AGE,
    wide("IP"),
    wide("Node"),
    wide("Nominated Node"),
    wide("Readiness Gates"),
)

_TERMINAL_PHASES = {"Succeeded", "Failed"}


def row(pod: Doc, now: str) -> list[Any]:
    """The cells of one Pod."""
    spec, status = pod["spec"], pod.get("status", {})
    summary = _summary(pod)
    total = len(spec.get("containers") or ()) + len(_sidecars(spec))
    return [
        name(pod),
        f"{summary.ready}/{total}",
        _final_reason(pod, summary.reason),
        _restarts(summary, now),
        age(pod, now),
        _pod_ip(status),
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _readiness_gates(spec, status),
    ]


class _Summary(NamedTuple):
    """A summary of container statuses.

    Attributes:
        restarted_at: when the last of the restarts began, RFC 3339; empty when nothing restarted.
    """

    reason: str
    ready: int = 0
    restarts: int = 0
    restarted_at: str = ""
    initializing: bool = False


def _summary(pod: Doc) -> _Summary:
    status = pod.get("status", {})
    initial = _initial_reason(status)
    during_init = _init_summary(pod["spec"], status, initial)
    if during_init.initializing and not _has_condition(status, "Initialized"):
        return during_init
    return _running_summary(pod["spec"], status, during_init)


def _initial_reason(status: Doc) -> str:
    reason = status.get("reason") or status.get("phase") or ""
    gated = any(
        condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated"
        for condition in status.get("conditions") or ()
    )
    return "SchedulingGated" if gated else reason


def _init_summary(spec: Doc, status: Doc, reason: str) -> _Summary:
    """Goes through the init containers in order and stops at the first that is not complete."""
    sidecars = _sidecars(spec)
    total = len(spec.get("initContainers") or ())
    ready, seen = 0, []
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        seen.append(container)
        if container.get("state", {}).get("terminated", {}).get("exitCode") == 0:
            continue
        if container.get("name") in sidecars and container.get("started"):
            ready += bool(container.get("ready"))
            continue
        blocked = f"Init:{_init_trouble(container) or f'{index}/{total}'}"
        return _Summary(blocked, ready, *_restart_count(seen), initializing=True)
    return _Summary(reason, ready, *_restart_count(seen))


def _init_trouble(container: Doc) -> str:
    state = container.get("state", {})
    if "terminated" in state:
        return _terminated_reason(state["terminated"])
    waiting = str(state.get("waiting", {}).get("reason", ""))
    return "" if waiting == "PodInitializing" else waiting


def _running_summary(spec: Doc, status: Doc, init: _Summary) -> _Summary:
    """The containers are read from last to first, so that the first one's reason wins."""
    containers = status.get("containerStatuses") or []
    sidecars = _sidecars(spec)
    restarting = [*(c for c in status.get("initContainerStatuses") or () if c.get("name") in sidecars), *containers]
    reason = next((text for text in map(_container_reason, containers) if text), init.reason)
    running = sum(_is_running(container) for container in containers)
    if reason == "Completed" and running:
        reason = "Running" if _has_condition(status, "Ready") else "NotReady"
    return _Summary(reason, init.ready + running, *_restart_count(restarting))


def _container_reason(container: Doc) -> str:
    state = container.get("state", {})
    if waiting := state.get("waiting", {}).get("reason"):
        return str(waiting)
    return _terminated_reason(state["terminated"]) if "terminated" in state else ""


def _terminated_reason(terminated: Doc) -> str:
    if reason := terminated.get("reason"):
        return str(reason)
    if signal := terminated.get("signal"):
        return f"Signal:{signal}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _is_running(container: Doc) -> bool:
    state = container.get("state", {})
    return bool(container.get("ready")) and "running" in state and not _container_reason(container)


def _restart_count(containers: list[Doc]) -> tuple[int, str]:
    ends = [container.get("lastState", {}).get("terminated", {}).get("finishedAt") or "" for container in containers]
    return sum(container.get("restartCount", 0) for container in containers), max(ends, default="")


def _final_reason(pod: Doc, reason: str) -> str:
    status = pod.get("status", {})
    if not pod["metadata"].get("deletionTimestamp"):
        return reason
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return reason if status.get("phase") in _TERMINAL_PHASES else "Terminating"


def _restarts(summary: _Summary, now: str) -> str:
    if summary.restarts and summary.restarted_at:
        return f"{summary.restarts} ({since(summary.restarted_at, now)} ago)"
    return str(summary.restarts)


def _pod_ip(status: Doc) -> str:
    pod_ips = status.get("podIPs")
    return str(pod_ips[0].get("ip") or NONE) if pod_ips else NONE


def _readiness_gates(spec: Doc, status: Doc) -> str:
    gates = spec.get("readinessGates") or ()
    passed = sum(_has_condition(status, gate.get("conditionType")) for gate in gates)
    return f"{passed}/{len(gates)}" if gates else NONE


def _has_condition(status: Doc, condition_type: str) -> bool:
    """Whether the condition is there and true."""
    return any(
        condition.get("type") == condition_type and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )


def _sidecars(spec: Doc) -> set[str]:
    """Names of the init containers that keep running beside the others."""
    return {c["name"] for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"}
