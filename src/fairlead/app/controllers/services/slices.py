"""The EndpointSlice controller: from changes of Services, Pods and Nodes to writes of slices.

There is no batching delay: a Pod that turns unready is out of its slices after one write.
Upstream: ``pkg/controller/endpointslice/endpointslice_controller.go``.
"""

import asyncio
from collections.abc import Mapping

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.services.slice_writes import ServiceSlices
from fairlead.app.controllers.services.zones import ServiceZones
from fairlead.drivers.kube.client import ENDPOINT_SLICES, KubeError
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.endpointslice.reconcile import Circumstances, reconcile_slices
from fairlead.endpointslice.topology import DISABLED, ENABLED
from fairlead.endpointslice.trigger_time import TriggerTimes, observe
from fairlead.model.addresses import IPFamily
from fairlead.model.events import EventText
from fairlead.model.names import ObjectKey
from fairlead.model.objects import EndpointSlice, Service

# Conflicts settle themselves at the next attempt; in a namespace that is going, or gone, nothing can be written.
_HARMLESS = frozenset({403, 404, 409})
_OF_HINTING = {True: ("TopologyAwareHintsEnabled", "Normal"), False: ("TopologyAwareHintsDisabled", "Warning")}


class SliceController:
    """Keeps the slices of every Service with a selector. Keys are those of Services."""

    name = "endpointslice-controller"
    workers = 4

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._events = context.events.recorder(self.name)
        self._members = context.members
        self._late = context.late
        watched = context.watches.of(ENDPOINT_SLICES, EndpointSlice)
        self._slices = ServiceSlices(context, watched, self.queue.add)
        self._zones = ServiceZones(context.watches, self._members, context.node_pods, self.queue.add)
        self.needs = (*self._members.watched, self._zones.watched, watched)
        self._trigger_times: dict[ObjectKey, TriggerTimes] = {}
        self._hinting: dict[ObjectKey, Mapping[IPFamily, str]] = {}  # the last Event about hints of each Service
        self._members.listen(self.queue.add)

    async def reconcile(self, key: ObjectKey) -> None:
        """Write what differs; slices of a Service that is gone are the garbage collector's."""
        await asyncio.sleep(self._late("late-endpoints"))
        service = self._members.service(key)
        if service is None:
            self._trigger_times.pop(key, None)
            self._hinting.pop(key, None)
            return
        pods = self._members.pods_of(key)
        trigger_time, seen = observe(service, pods, self._trigger_times.get(key))
        around = Circumstances(trigger_time, self._zones.shares, is_first_look=key not in self._trigger_times)
        plan = reconcile_slices(service, pods, self._zones.nodes, self._slices.of(key), around)
        try:
            await self._slices.carry_out(plan)
        except KubeError as error:
            self._complain(service, error)
            raise
        self._trigger_times[key] = seen
        self._tell_hinting(service, plan.hinting)

    def _tell_hinting(self, service: Service, now: Mapping[IPFamily, str]) -> None:
        """Say on the Service when its hints by zone come, go, or cannot be given for another reason than before."""
        before = self._hinting.get(service.key, {})
        for family, message in now.items():
            if message == before.get(family, "") or (not message and before[family] != ENABLED):
                continue
            reason, type_ = _OF_HINTING[message == ENABLED]
            event = EventText(reason, f"{message or DISABLED}, addressType: {family}", type_)
            self._events.record(service, "v1", "Service", event)
        self._hinting[service.key] = now

    def _complain(self, service: Service, error: KubeError) -> None:
        if error.code in _HARMLESS:
            return
        message = f"Error updating Endpoint Slices for Service {service.key}: {error}"
        event = EventText("FailedToUpdateEndpointSlices", message, "Warning")
        self._events.record(service, "v1", "Service", event)
