"""The scheduler: gives Pods their Nodes, one at a time, and says why when there is none.

A Pod that fits nowhere is tried again whenever something changes that might make room: a Node, a claim that is bound, a
Pod that goes, and, for one that wants to be near others, a Pod that comes.
Upstream: ``pkg/scheduler/schedule_one.go``; the decision itself is ``fairlead.workloads.placement.scheduling``.
"""

from collections.abc import Callable

from msgspec import structs

from fairlead.app.controllers.context import ControllerContext
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import (
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    STRATEGIC_MERGE_PATCH,
    KubeError,
    Unreachable,
)
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.events import EventText
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Condition, Namespace, Node, Pod, latest
from fairlead.model.storage import PersistentVolumeClaim
from fairlead.workloads.placement.pod_affinity import has_affinity, requires_other_pods
from fairlead.workloads.placement.scheduling import Placement, Unschedulable, choose_node, unschedulable
from fairlead.workloads.volume_binding import unready_claim


class Scheduler:
    """Binds Pods that ask for the default scheduler. Keys are those of Pods.

    A decision counts from the moment it is made, so that others build on it while its binding is under way.
    """

    name = "default-scheduler"
    workers = 8

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client = context.client
        self._events = context.events.recorder(self.name)
        self._pods = context.watches.of(PODS, Pod)
        self._nodes = context.watches.of(NODES, Node)
        self._namespaces = context.watches.of(NAMESPACES, Namespace)
        self._claims = context.watches.of(PERSISTENT_VOLUME_CLAIMS, PersistentVolumeClaim)
        self.needs = (self._pods, self._nodes, self._namespaces, self._claims)
        self._placement = Placement()
        self._unscheduled: set[ObjectKey] = set()
        self._pods.listen(self._pod_changed)
        self._nodes.listen(self._node_changed)
        self._namespaces.listen(self._namespace_changed)
        self._claims.listen(lambda old, new: self._try_again())

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        pod = latest(old, new)
        if new and self._is_ours(new):
            self._unscheduled.add(new.key)
            if old is None or old.spec != new.spec or old.labels != new.labels:
                self.queue.add(new.key)
            return
        self._unscheduled.discard(pod.key)
        if new:
            self._placement.put(new)
            if not (old and old.spec.node_name and old.labels == new.labels):
                self._try_again(requires_other_pods)
        else:
            self._placement.drop(pod.key)
        if old and old.spec.node_name and (new is None or new.is_finished):
            self._try_again()

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        if new and not (old and _room(old) == _room(new)):
            self._try_again()

    def _namespace_changed(self, old: Namespace | None, new: Namespace | None) -> None:
        if not (old and new and old.labels == new.labels):
            self._try_again(has_affinity)

    def _try_again(self, concerns: Callable[[Pod], bool] = lambda pod: True) -> None:
        """Queue the unscheduled Pods that a change might concern."""
        for key in self._unscheduled:
            if (pod := self._pods.objects.get(key)) and concerns(pod):
                self.queue.add(key)

    def _is_ours(self, pod: Pod) -> bool:
        wants_us = pod.spec.scheduler_name in ("", self.name) and not pod.spec.scheduling_gates
        return wants_us and not (pod.spec.node_name or pod.is_finished or pod.is_terminating)

    async def reconcile(self, key: ObjectKey) -> None:
        """Bind the Pod, or note on it why it cannot be."""
        pod = self._pods.objects.get(key)
        if pod is None or not self._is_ours(pod) or key not in self._unscheduled:
            return
        choice = self._choose(pod)
        try:
            if isinstance(choice, Unschedulable):
                await self._explain(pod, choice.message)
            else:
                await self._bind(pod, choice.name)
        except KubeError as error:
            if error.code != 404:  # gone meanwhile
                raise

    def _choose(self, pod: Pod) -> Node | Unschedulable:
        nodes = self._nodes.objects.values()
        if reason := unready_claim(pod, self._claims.objects):
            return unschedulable(len(nodes), reason)
        namespaces = {key.name: namespace.labels for key, namespace in self._namespaces.objects.items()}
        return choose_node(pod, nodes, self._placement, namespaces)

    async def _bind(self, pod: Pod, node: str) -> None:
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.metadata.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        self._placement.put(structs.replace(pod, spec=structs.replace(pod.spec, node_name=node)))
        try:
            await self._client.create(PODS.path(pod.namespace, pod.name, "binding"), binding)
        except (KubeError, Unreachable):
            self._placement.put(self._pods.objects.get(pod.key, pod))
            raise
        self._unscheduled.discard(pod.key)
        message = f"Successfully assigned {pod.key} to {node}"
        self._events.record(pod, "v1", "Pod", EventText("Scheduled", message))

    async def _explain(self, pod: Pod, message: str) -> None:
        if any(_says(condition, message) for condition in pod.status.conditions or ()):
            return
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": now_text(),
        }
        path = PODS.path(pod.namespace, pod.name, "status")
        await self._client.patch(path, {"status": {"conditions": [condition]}}, STRATEGIC_MERGE_PATCH)
        self._events.record(pod, "v1", "Pod", EventText("FailedScheduling", message, "Warning"))


def _says(condition: Condition, message: str) -> bool:
    return condition.type == "PodScheduled" and condition.status == "False" and condition.message == message


def _room(node: Node) -> tuple[object, ...]:
    """All of a Node that a decision looks at."""
    return node.labels, node.spec, node.status.allocatable
