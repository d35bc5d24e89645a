"""Waits until the applied objects run: follows their kinds, and reports what is still awaited.

``workloads.rollout`` defines the condition for each kind. An object that is deleted meanwhile is no longer awaited.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from fairlead.drivers.kube.client import (
    DAEMON_SETS,
    DEPLOYMENTS,
    JOBS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
    KubeClient,
    ResourcePath,
)
from fairlead.drivers.kube.informer import Informer
from fairlead.model.labels import matches, requirements
from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject, Pod
from fairlead.model.workloads import DaemonSet, Deployment, Job, ReplicaSet, ReplicationController, StatefulSet
from fairlead.workloads.rollout import awaited, container_states, pods_of, ready_by_status

POD = "Pod"
KINDS: dict[str, tuple[ResourcePath, type[KubeObject]]] = {
    POD: (PODS, Pod),
    "Deployment": (DEPLOYMENTS, Deployment),
    "ReplicaSet": (REPLICA_SETS, ReplicaSet),
    "ReplicationController": (REPLICATION_CONTROLLERS, ReplicationController),
    "StatefulSet": (STATEFUL_SETS, StatefulSet),
    "DaemonSet": (DAEMON_SETS, DaemonSet),
    "Job": (JOBS, Job),
}
NAMED_AT_ONCE = 8  # in one report, which must fit into 4096 bytes

Copies = dict[str, Informer[Any]]


class WantedWorkload(NamedTuple):
    """An object that must run; ``kind`` is one of ``KINDS``."""

    kind: str
    key: ObjectKey

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


async def until_ready(
    client: KubeClient, wanted: Collection[WantedWorkload], report: Callable[[list[str], list[str]], None]
) -> list[Pod]:
    """The Pods that are ready once nothing is awaited any more.

    Args:
        report: called with the awaited objects and the states of their containers, on each change.
    """
    changed = asyncio.Event()
    copies: Copies = {
        kind: Informer(client, *KINDS[kind], lambda old, new: changed.set())
        for kind in {POD, *(each.kind for each in wanted)}
    }
    left: Collection[WantedWorkload] = wanted
    told: tuple[list[str], list[str]] = ([], [])
    with _running(copies.values()):
        await asyncio.gather(*(copy.synced.wait() for copy in copies.values()))
        while reasons := {each: why for each in left if (why := _reason_to_wait(each, copies))}:
            left = reasons.keys()
            if (found := (_lines(reasons), _states(left, copies))) != told:
                report(*(told := found))
            await changed.wait()
            changed.clear()
        return [pod for pod in copies[POD].objects.values() if pod.is_ready and not pod.is_terminating]


@contextmanager
def _running(copies: Iterable[Informer[Any]]) -> Iterator[None]:
    tasks = [asyncio.create_task(copy.run()) for copy in copies]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


def _reason_to_wait(wanted: WantedWorkload, copies: Copies) -> str:
    object_ = copies[wanted.kind].objects.get(wanted.key)
    return "" if object_ is None else awaited(object_) or _contradicted(object_, copies[POD].objects.values())


def _contradicted(object_: KubeObject, pods: Iterable[Pod]) -> str:
    """Whether its status counts Pods as ready that are not: in a lab that starts again it is of the lab's last life,
    until the controllers have heard of what the Pods are now."""
    counted = ready_by_status(object_)
    if counted is None:
        return ""
    selector, number = requirements(counted[0]), counted[1]
    ready = sum(pod.is_ready and pod.namespace == object_.namespace and matches(selector, pod.labels) for pod in pods)
    return "" if number <= ready else f"{ready} pods are ready"


def _states(left: Iterable[WantedWorkload], copies: Copies) -> list[str]:
    """What containers do that are waited for."""
    pods = list(copies[POD].objects.values())
    objects = (copies[each.kind].objects.get(each.key) for each in left)
    awaited_pods = {pod.key: pod for found in objects if found for pod in pods_of(found, pods)}
    return _first([state for _, pod in sorted(awaited_pods.items()) for state in container_states(pod)])


def _lines(reasons: dict[WantedWorkload, str]) -> list[str]:
    return _first(sorted(f"{wanted} ({why})" for wanted, why in reasons.items()))


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - NAMED_AT_ONCE
    return [*lines[:NAMED_AT_ONCE], f"{more} more"] if more > 0 else lines
