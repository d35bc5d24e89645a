"""The EndpointSlice controller: from changes of Services, Pods and Nodes to writes of slices.

A change finds its Services by index, so that it costs what it touches. There is no batching delay: a Pod that turns
unready is out of its slices after one write. Each write's answer is taken into the local copy at once, so that a watch
that lags behind cannot make the controller write the same again.
Upstream: ``pkg/controller/endpointslice/endpointslice_controller.go``.
"""

from collections.abc import Iterable

from fairlead.app.controllers.context import Context
from fairlead.drivers.event_recorder import EventRecorder, Happening
from fairlead.drivers.kube_client import ENDPOINT_SLICES, NODES, PODS, SERVICES, Doc, KubeError
from fairlead.drivers.work_queue import WorkQueue
from fairlead.endpointslice.documents import slice_document
from fairlead.endpointslice.membership import endpoint_facts
from fairlead.endpointslice.reconcile import SlicePlan, reconcile_slices
from fairlead.endpointslice.selector_index import SelectorIndex
from fairlead.endpointslice.trigger_time import TriggerTimes, observe
from fairlead.model.names import ObjectKey
from fairlead.model.objects import EndpointSlice, Node, Pod, Service

# Conflicts settle themselves at the next attempt; in a namespace that is going, or gone, nothing can be written.
_HARMLESS = frozenset({403, 404, 409})


class SliceController:
    """Keeps the slices of every Service with a selector. Keys are those of Services."""

    name = "endpointslice-controller"
    workers = 4

    def __init__(self, context: Context) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client = context.client
        self._events = EventRecorder(context.client, self.name)
        self._services = context.watches.of(SERVICES, Service)
        self._pods = context.watches.of(PODS, Pod)
        self._nodes = context.watches.of(NODES, Node)
        self._slices = context.watches.of(ENDPOINT_SLICES, EndpointSlice)
        self.needs = (self._services, self._pods, self._nodes, self._slices)
        self._index = SelectorIndex()
        self._node_by_name: dict[str, Node] = {}
        self._pods_on: dict[str, dict[ObjectKey, Pod]] = {}
        self._slices_of: dict[ObjectKey, dict[str, EndpointSlice]] = {}
        self._trigger_times: dict[ObjectKey, TriggerTimes] = {}
        self._is_writing = False
        self._services.listen(self._service_changed)
        self._pods.listen(self._pod_changed)
        self._nodes.listen(self._node_changed)
        self._slices.listen(self._slice_changed)

    # What a change touches.

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        service = new or old
        assert service is not None
        self._index.put_selector(service.key, new.spec.selector if new else None)
        self.queue.add(service.key)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        self._index.put_pod(old, new)
        if old:
            self._pods_on.get(old.spec.node_name, {}).pop(old.key, None)
        if new:
            self._pods_on.setdefault(new.spec.node_name, {})[new.key] = new
        if not (old and new and endpoint_facts(old) == endpoint_facts(new)):
            self._add_services_of(pod for pod in (old, new) if pod)

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        node = new or old
        assert node is not None
        if new:
            self._node_by_name[node.name] = new
        else:
            del self._node_by_name[node.name]
        if not (old and new and old.zone == new.zone):
            self._add_services_of(self._pods_on.get(node.name, {}).values())

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        for slice_ in (old, new):
            if slice_ and slice_.service_key:
                self._file(slice_, slice_.service_key, present=slice_ is new)

    def _file(self, slice_: EndpointSlice, service: ObjectKey, *, present: bool) -> None:
        siblings = self._slices_of.setdefault(service, {})
        if present:
            siblings[slice_.name] = slice_
        else:
            siblings.pop(slice_.name, None)
        if not self._is_writing:
            self.queue.add(service)

    def _add_services_of(self, pods: Iterable[Pod]) -> None:
        for pod in pods:
            for service in self._index.owners_of(pod):
                self.queue.add(service)

    # What is done about it.

    async def reconcile(self, key: ObjectKey) -> None:
        """Write what differs; slices of a Service that is gone are the garbage collector's."""
        service = self._services.objects.get(key)
        if service is None:
            self._trigger_times.pop(key, None)
            self._slices_of.pop(key, None)
            return
        pods = self._index.pods_of(key)
        trigger_time, seen = observe(service, pods, self._trigger_times.get(key))
        existing = self._slices_of.get(key, {}).values()
        plan = reconcile_slices(service, pods, self._node_by_name, existing, trigger_time)
        try:
            await self._carry_out(plan)
        except KubeError as error:
            await self._complain(service, error)
            raise
        self._trigger_times[key] = seen

    async def _carry_out(self, plan: SlicePlan) -> None:
        for slice_ in plan.creates:
            path = ENDPOINT_SLICES.path(slice_.namespace)
            self._learn(await self._client.create(path, slice_document(slice_)))
        for slice_ in plan.updates:
            path = ENDPOINT_SLICES.path(slice_.namespace, slice_.name)
            self._learn(await self._client.replace(path, slice_document(slice_)))
        for slice_ in plan.deletes:
            await self._delete(slice_)

    async def _delete(self, slice_: EndpointSlice) -> None:
        try:
            await self._client.delete(ENDPOINT_SLICES.path(slice_.namespace, slice_.name))
        except KubeError as error:
            if error.code != 404:
                raise

    def _learn(self, document: Doc) -> None:
        self._is_writing = True  # what we have just written needs no second look
        try:
            self._slices.learn(document)
        finally:
            self._is_writing = False

    async def _complain(self, service: Service, error: KubeError) -> None:
        if error.code in _HARMLESS:
            return
        message = f"Error updating Endpoint Slices for Service {service.key}: {error}"
        await self._events.record(
            service, "v1", "Service", Happening("FailedToUpdateEndpointSlices", message, "Warning")
        )
