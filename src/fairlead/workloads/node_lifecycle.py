"""What follows when a Node stops sending heartbeats: its condition, its taints, and the eviction of its Pods.

A Node without a heartbeat for the grace period has the condition Unknown. A Node that is not Ready gets taints that
keep new Pods away, and evict the others when their tolerations expire. A Node under pressure gets a taint that keeps
new Pods away. Pods of a Node that is not Ready become unready at once, so that Services send them no packets. Pods of a
deleted Node are deleted by force, since no agent is left to confirm their end, as are those of a Node that is not Ready
and has the out-of-service taint.
Upstream: ``pkg/controller/nodelifecycle``, ``pkg/controller/tainteviction``, ``pkg/controller/podgc``.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from fairlead.model.objects import Condition, Node, Pod, Taint, Toleration
from fairlead.workloads.placement.scheduling import covers

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
# Seconds. Upstream's admission adds such a toleration to every Pod without one (DefaultTolerationSeconds).
DEFAULT_TOLERATION = 300.0
_EFFECTS = ("NoSchedule", "NoExecute")
# Conditions that taint a Node while they are True, each with the taint that it calls for.
PRESSURES = {
    "DiskPressure": "node.kubernetes.io/disk-pressure",
    "MemoryPressure": "node.kubernetes.io/memory-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
    "NetworkUnavailable": "node.kubernetes.io/network-unavailable",
}
_OURS = {NOT_READY, UNREACHABLE, *PRESSURES.values()}
_SILENT = "Kubelet stopped posting node status."


class NodeVerdict(NamedTuple):
    """The changes of a Node: its Ready condition and its taints, each None if unchanged."""

    condition: Condition | None
    taints: tuple[Taint, ...] | None


def judge_node(node: Node, is_silent: bool, now: str) -> NodeVerdict:
    """Compute a Node's condition and taints from its status, and from whether it was silent for the grace period.

    One that has just been made and has said nothing yet is given the benefit of the doubt.
    """
    ready = ready_condition(node)
    status = ready.status if ready else "True"
    changed = None
    if is_silent and status != "Unknown":
        changed = Condition("Ready", "Unknown", "NodeStatusUnknown", _SILENT, now)
        status = "Unknown"
    taints = _taints(node, status, now)
    return NodeVerdict(changed, taints if taints != (node.spec.taints or ()) else None)


def ready_condition(node: Node) -> Condition | None:
    return next((c for c in node.status.conditions or () if c.type == "Ready"), None)


def _taints(node: Node, status: str, now: str) -> tuple[Taint, ...]:
    """The Node's taints with those that its conditions call for, and without those that they do not any more."""
    key = {"True": "", "False": NOT_READY}.get(status, UNREACHABLE)
    called_for = [(key, effect) for effect in _EFFECTS if key]
    called_for += [(PRESSURES[kind], "NoSchedule") for kind in pressures(node)]
    present = node.spec.taints or ()
    kept = tuple(t for t in present if t.key not in _OURS or (t.key, t.effect) in called_for)
    missing = [each for each in called_for if each not in {(t.key, t.effect) for t in kept}]
    return (*kept, *(Taint(key=key, effect=effect, time_added=now) for key, effect in missing))


def pressures(node: Node) -> list[str]:
    """The types of those conditions that keep Pods away, in a fixed order."""
    true = {condition.type for condition in node.status.conditions or () if condition.status == "True"}
    return [kind for kind in PRESSURES if kind in true]


def is_out_of_service(node: Node) -> bool:
    """Whether an administrator confirms that the silent Node is off: then its Pods have certainly ended (KEP-2268)."""
    return not node.is_ready and any(taint.key == OUT_OF_SERVICE for taint in node.spec.taints or ())


def evicted_at(node: Node, pod: Pod, default: float = DEFAULT_TOLERATION) -> datetime | None:
    """When the Node's taints evict the Pod; None if they do not.

    Args:
        default: seconds that a Pod without a toleration stays on a Node that is not ready.
    """
    taints = (taint for taint in node.spec.taints or () if taint.effect == "NoExecute")
    return min((moment for taint in taints if (moment := _tolerated_until(pod, taint, default))), default=None)


def _tolerated_until(pod: Pod, taint: Taint, default: float) -> datetime | None:
    matching = [t for t in pod.spec.tolerations or () if covers(t, taint)]
    if any(t.toleration_seconds is None for t in matching):
        return None
    since = datetime.fromisoformat(taint.time_added or "1970-01-01T00:00:00Z")
    return since + timedelta(seconds=_seconds(matching, taint, default))


def _seconds(matching: Sequence[Toleration], taint: Taint, default: float) -> float:
    if matching:
        return min(t.toleration_seconds or 0 for t in matching)
    return default if taint.key in (NOT_READY, UNREACHABLE) else 0
