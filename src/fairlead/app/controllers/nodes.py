"""Watches over Nodes: notices silence, taints, evicts, and removes what ran on Nodes that are gone.

A sign of life is a renewed Lease, or a status with another heartbeat time (KEP-589). Silence is measured with this
process's own clock from the moment that it heard of one, so that clocks of other machines do not matter; a controller
that has just started gives every Node the whole grace period.
What follows from it is ``fairlead.workloads.node_lifecycle``.
"""

from collections.abc import Awaitable
from datetime import datetime

import msgspec

from fairlead.app.controllers.context import ControllerContext
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import LEASES, NODES, PODS, STRATEGIC_MERGE_PATCH, KubeError
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.document import Doc
from fairlead.model.events import EventText
from fairlead.model.names import ObjectKey
from fairlead.model.objects import NODE_LEASES, Condition, Lease, Node, Pod, latest
from fairlead.workloads.node_lifecycle import evicted_at, is_out_of_service, judge_node, pressures, ready_condition


class NodeController:
    """Keys are those of Nodes, existing or merely named by Pods."""

    name = "node-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client, self._clock = context.client, context.clock
        self._grace, self._default_toleration = context.settings.node_grace, context.settings.default_toleration
        self._events = context.events.recorder(self.name)
        self._pods = context.node_pods
        self._nodes = context.watches.of(NODES, Node)
        leases = context.watches.of(LEASES, Lease)
        pods = context.watches.of(PODS, Pod)
        self.needs = (self._nodes, leases, pods)
        self._heard: dict[ObjectKey, float] = {}
        self._nodes.listen(self._node_changed)
        leases.listen(self._lease_changed)
        pods.listen(self._pod_changed)

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        node = latest(old, new)
        if new is None:
            self._heard.pop(node.key, None)
            self.queue.add_later(node.key, self._grace)
            return
        if old is None or _heartbeat(old) != _heartbeat(new):
            self._heard[new.key] = self._clock.time()
        if old is None or (_word(old), pressures(old), old.spec) != (_word(new), pressures(new), new.spec):
            self.queue.add(new.key)

    def _lease_changed(self, old: Lease | None, new: Lease | None) -> None:
        """A heartbeat needs no work: the next planned check will find it."""
        if new is None or new.namespace != NODE_LEASES or (old and old.spec == new.spec):
            return
        key = ObjectKey("", new.name)
        if key in self._heard:
            self._heard[key] = self._clock.time()

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        if new is None or not new.spec.node_name or (old and _standing(old) == _standing(new)):
            return
        key = ObjectKey("", new.spec.node_name)
        node = self._nodes.objects.get(key)
        if node is None:
            self.queue.add_later(key, self._grace)
        elif node.spec.taints:
            self.queue.add(key)

    async def reconcile(self, key: ObjectKey) -> None:
        """Make the Node say what is so, and its Pods follow."""
        node = self._nodes.objects.get(key)
        if node is None:
            await self._remove_orphans(key.name)
            return
        silent_for = self._clock.time() - self._heard[key]
        verdict = judge_node(node, silent_for >= self._grace, now_text())
        if verdict.condition:
            await self._mark_unknown(node, verdict.condition)
        if verdict.taints is not None:
            taints = [msgspec.to_builtins(taint) for taint in verdict.taints]
            version = {"resourceVersion": self._nodes.objects[key].metadata.resource_version}
            patch = {"metadata": version, "spec": {"taints": taints}}
            node = self._nodes.learn(await self._client.patch(NODES.path(name=key.name), patch))
        if verdict.condition or _word(node) not in ("", "True"):
            await self._mark_pods(key.name)
        await self._evict(node)
        self._look_again(key, silent_for)

    def _look_again(self, key: ObjectKey, silent_for: float) -> None:
        moments = [due for pod in self._pods.on(key.name) if (due := self._eviction(key, pod))]
        waits = [self._grace - silent_for] if silent_for < self._grace else []
        waits += [(due - _now()).total_seconds() for due in moments]
        if waits:
            self.queue.add_later(key, max(0.1, min(waits)))

    def _eviction(self, key: ObjectKey, pod: Pod) -> datetime | None:
        node = self._nodes.objects.get(key)
        return evicted_at(node, pod, self._default_toleration) if node and not pod.is_terminating else None

    async def _mark_unknown(self, node: Node, condition: Condition) -> None:
        document = msgspec.to_builtins(condition)
        path = NODES.path(name=node.name, subresource="status")
        answer = await self._client.patch(path, {"status": {"conditions": [document]}}, STRATEGIC_MERGE_PATCH)
        self._nodes.learn(answer)
        event = EventText("NodeNotReady", f"Node {node.name} status is now: NodeNotReady")
        self._events.record(node, "v1", "Node", event)

    async def _mark_pods(self, node: str) -> None:
        """A Pod on a Node that is not ready is no endpoint to send anything to."""
        condition = {"type": "Ready", "status": "False", "reason": "NodeNotReady", "lastTransitionTime": now_text()}
        for pod in self._pods.on(node):
            if pod.is_ready:
                path = PODS.path(pod.namespace, pod.name, "status")
                await self._tolerating_absence(
                    self._client.patch(path, {"status": {"conditions": [condition]}}, STRATEGIC_MERGE_PATCH)
                )

    async def _evict(self, node: Node) -> None:
        now = _now()
        is_off = is_out_of_service(node)
        for pod in self._pods.on(node.name):
            due = self._eviction(node.key, pod)
            if due and due <= now:
                event = EventText("TaintManagerEviction", f"Marking for deletion Pod {pod.key}")
                self._events.record(pod, "v1", "Pod", event)
                await self._delete(pod, {})
            if is_off and (pod.is_terminating or (due and due <= now)):
                await self._delete(pod, {"gracePeriodSeconds": 0})

    async def _remove_orphans(self, node: str) -> None:
        for pod in self._pods.on(node):
            await self._delete(pod, {"gracePeriodSeconds": 0})

    async def _delete(self, pod: Pod, options: dict[str, int]) -> None:
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": pod.metadata.uid}, **options}
        await self._tolerating_absence(self._client.delete(PODS.path(pod.namespace, pod.name), body))

    async def _tolerating_absence(self, request: Awaitable[Doc]) -> None:
        """A Pod that is gone, or another by now, needs nothing any more."""
        try:
            await request
        except KubeError as error:
            if error.code not in (404, 409):
                raise


def _now() -> datetime:
    return datetime.fromisoformat(now_text())


def _standing(pod: Pod) -> tuple[str, bool]:
    """What of a Pod matters here."""
    return pod.spec.node_name or "", pod.is_terminating


def _heartbeat(node: Node) -> str | None:
    ready = ready_condition(node)
    return ready.last_heartbeat_time if ready else None


def _word(node: Node) -> str:
    ready = ready_condition(node)
    return ready.status if ready else ""
