"""How many Pods a ReplicaSet or ReplicationController lacks, or which of them are too many.

Upstream: ``pkg/controller/replicaset/replica_set.go``; the order of deletion is that of ``ActivePodsWithRanks`` in
``pkg/controller/controller_utils.go``.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.model.labels import contains
from fairlead.model.objects import Pod
from fairlead.model.workloads import ReplicaSetStatus, Replicated
from fairlead.workloads.pods import is_active, is_available

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


@dataclass(frozen=True)
class ReplicaPlan:
    """How many Pods to make, and which to delete."""

    creates: int = 0
    deletes: tuple[Pod, ...] = ()


def plan_replicas(replica_set: Replicated, mine: Sequence[Pod]) -> ReplicaPlan:
    """Plan the creations and deletions that reach the wanted replicas; none while the set itself is deleted."""
    if replica_set.is_terminating:
        return ReplicaPlan()
    active = [pod for pod in mine if is_active(pod)]
    missing = replica_set.replicas - len(active)
    return ReplicaPlan(creates=missing) if missing >= 0 else ReplicaPlan(deletes=_most_dispensable(active, -missing))


def _most_dispensable(pods: Sequence[Pod], count: int) -> tuple[Pod, ...]:
    """The Pods to delete first: unscheduled, not running, not ready, on Nodes with many replicas, young."""
    crowd = Counter(pod.spec.node_name for pod in pods)

    def newest_first(pod: Pod) -> tuple[int, ...]:
        return tuple(-ord(c) for c in pod.metadata.creation_timestamp or "")

    def worth(pod: Pod) -> tuple[Any, ...]:
        return (
            bool(pod.spec.node_name),
            _PHASES.get(pod.status.phase, 0),
            pod.is_ready,
            int(pod.annotations.get(DELETION_COST, "0")),
            -crowd[pod.spec.node_name],
            newest_first(pod),
            pod.name,
        )

    return tuple(sorted(pods, key=worth)[:count])


def observe_replicas(replica_set: Replicated, mine: Sequence[Pod], now: str) -> ReplicaSetStatus:
    """The status that the Pods amount to."""
    active = [pod for pod in mine if is_active(pod)]
    labels = (replica_set.spec.template.get("metadata") or {}).get("labels") or {}
    return ReplicaSetStatus(
        replicas=len(active),
        fully_labeled_replicas=sum(contains(pod.labels, labels) for pod in active),
        ready_replicas=sum(pod.is_ready for pod in active),
        available_replicas=sum(is_available(pod, replica_set.spec.min_ready_seconds, now) for pod in active),
        observed_generation=replica_set.metadata.generation,
    )
