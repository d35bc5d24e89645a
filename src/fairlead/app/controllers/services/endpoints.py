"""Endpoints for old clients, from Pods; and slices for new ones, from the Endpoints that users write.

Upstream: ``pkg/controller/endpoint`` and ``pkg/controller/endpointslicemirroring``.
"""

import msgspec

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.services.slice_writes import ServiceSlices
from fairlead.drivers.kube.client import ENDPOINT_SLICES, ENDPOINTS, SERVICES, KubeError
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.endpointslice.legacy import is_ours, plan_endpoints
from fairlead.endpointslice.mirroring import left_out, plan_mirror
from fairlead.endpointslice.trigger_time import TriggerTimes, observe
from fairlead.model.document import Doc
from fairlead.model.endpoints import Endpoints
from fairlead.model.events import EventText
from fairlead.model.names import ObjectKey
from fairlead.model.objects import EndpointSlice, Service, latest


class EndpointsController:
    """Keeps the Endpoints of every Service with a selector. Keys are those of Services."""

    name = "endpoint-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client = context.client
        self._members = context.members
        self._endpoints = context.watches.of(ENDPOINTS, Endpoints)
        self.needs = (*self._members.watched, self._endpoints)
        self._trigger_times: dict[ObjectKey, TriggerTimes] = {}
        self._members.listen(self.queue.add)
        self._endpoints.listen(self._endpoints_changed)

    def _endpoints_changed(self, old: Endpoints | None, new: Endpoints | None) -> None:
        changed = latest(old, new)
        self.queue.add(changed.key)

    async def reconcile(self, key: ObjectKey) -> None:
        """Write what differs. The server deletes the Endpoints of a Service together with it, which may be heard of
        before the end of the Service; then they are made once more, and deleted here."""
        service, existing = self._members.service(key), self._endpoints.objects.get(key)
        if service is None:
            self._trigger_times.pop(key, None)
            if existing and is_ours(existing):
                await self._delete(existing)
            return
        pods = self._members.pods_of(key)
        trigger_time, seen = observe(service, pods, self._trigger_times.get(key))
        wanted = plan_endpoints(service, pods, existing, trigger_time)
        if wanted:
            await self._write(wanted, is_new=existing is None)
        self._trigger_times[key] = seen

    async def _delete(self, endpoints: Endpoints) -> None:
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": endpoints.metadata.uid}}
        try:
            await self._client.delete(ENDPOINTS.path(*endpoints.key), options)
        except KubeError as error:
            if error.code not in (404, 409):  # gone already, or another's by now
                raise

    async def _write(self, endpoints: Endpoints, *, is_new: bool) -> None:
        document: Doc = {"apiVersion": "v1", "kind": "Endpoints", **msgspec.to_builtins(endpoints)}
        if is_new:
            written = await self._client.create(ENDPOINTS.path(endpoints.namespace), document)
        else:
            written = await self._client.replace(ENDPOINTS.path(*endpoints.key), document)
        self._endpoints.learn(written)


class MirroringController:
    """Keeps slices in step with users' Endpoints. Keys are those of Endpoints and of their Services."""

    name = "endpointslicemirroring-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._events = context.events.recorder(self.name)
        self._services = context.watches.of(SERVICES, Service)
        self._endpoints = context.watches.of(ENDPOINTS, Endpoints)
        watched = context.watches.of(ENDPOINT_SLICES, EndpointSlice)
        self._slices = ServiceSlices(context, watched, self.queue.add)
        self.needs = (self._services, self._endpoints, watched)
        self._looked: set[ObjectKey] = set()
        self._services.listen(lambda old, new: self.queue.add(latest(old, new).key))
        self._endpoints.listen(self._endpoints_changed)

    def _endpoints_changed(self, old: Endpoints | None, new: Endpoints | None) -> None:
        changed = latest(old, new)
        self.queue.add(changed.key)

    async def reconcile(self, key: ObjectKey) -> None:
        """Write what differs, and say so when there are too many addresses."""
        endpoints, service = self._endpoints.objects.get(key), self._services.objects.get(key)
        plan = plan_mirror(endpoints, service, self._slices.of(key), is_first_look=key not in self._looked)
        (self._looked.add if endpoints else self._looked.discard)(key)
        if plan.is_empty:
            return
        try:
            await self._slices.carry_out(plan)
        except KubeError as error:
            if error.code != 404:  # the namespace is gone
                raise
        if endpoints and (surplus := left_out(endpoints)):
            message = f"{surplus} addresses were not mirrored: a subset has too many"
            self._events.record(endpoints, "v1", "Endpoints", EventText("TooManyAddressesToMirror", message, "Warning"))
