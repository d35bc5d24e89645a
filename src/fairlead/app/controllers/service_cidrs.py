"""Says of each ServiceCIDR that it is in use, and lets one that is being deleted go when no address needs it.

Upstream waits for ten seconds before it lets go, until every API server has heard that the range gives no more
addresses. Here the state that marks the ServiceCIDR is the one that addresses are taken from; only the list of
addresses must be fresh, so it is asked for. Upstream: ``pkg/controller/servicecidrs/servicecidrs_controller.go``.
"""

import msgspec

from fairlead.allocation.service_ranges import FINALIZER, is_needed
from fairlead.app.controllers.context import ControllerContext
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import IP_ADDRESSES, SERVICE_CIDRS, STRATEGIC_MERGE_PATCH, KubeError
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.names import ObjectKey
from fairlead.model.networking import ServiceCIDR
from fairlead.model.objects import Condition, KubeObject, latest

READY = Condition("Ready", "True", "", "Kubernetes Service CIDR is ready")
TERMINATING = Condition(
    "Ready",
    "False",
    "Terminating",
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
)
# Others' IPAddresses reserve an address; they hold no range.
_OF_SERVICES = {"labelSelector": "ipaddress.kubernetes.io/managed-by=ipallocator.k8s.io"}


class ServiceCIDRController:
    """Keys are those of ServiceCIDRs."""

    name = "service-cidr-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client = context.client
        self._ranges = context.watches.of(SERVICE_CIDRS, ServiceCIDR)
        self._addresses = context.watches.of(IP_ADDRESSES, KubeObject)
        self.needs = (self._ranges, self._addresses)
        self._leaving: set[ObjectKey] = set()
        self._ranges.listen(self._range_changed)
        self._addresses.listen(self._address_changed)

    def _range_changed(self, old: ServiceCIDR | None, new: ServiceCIDR | None) -> None:
        changed = latest(old, new)
        if new and new.is_terminating:
            self._leaving.add(changed.key)
        elif new is None:
            self._leaving.discard(changed.key)
        self.queue.add(changed.key)
        self._look_again()  # another range may have taken over the addresses, or has gone

    def _address_changed(self, old: KubeObject | None, new: KubeObject | None) -> None:
        if new is None:
            self._look_again()

    def _look_again(self) -> None:
        for key in self._leaving:
            self.queue.add(key)

    async def reconcile(self, key: ObjectKey) -> None:
        """Say whether the range is in use; take the finalizer off when it may go."""
        service_cidr = self._ranges.objects.get(key)
        if service_cidr is None:
            return
        try:
            if not service_cidr.is_terminating:
                await self._take_in(service_cidr)
            elif is_needed(service_cidr, self._ranges.objects.values(), await self._held_addresses()):
                await self._say(service_cidr, TERMINATING)
            else:
                await self._let_go(service_cidr)
        except KubeError as error:
            if error.code != 404:  # gone meanwhile
                raise

    async def _take_in(self, service_cidr: ServiceCIDR) -> None:
        finalizers = service_cidr.metadata.finalizers or ()
        if FINALIZER not in finalizers:
            service_cidr = await self._set_finalizers(service_cidr, [*finalizers, FINALIZER])
        await self._say(service_cidr, READY)

    async def _let_go(self, service_cidr: ServiceCIDR) -> None:
        finalizers = service_cidr.metadata.finalizers or ()
        if FINALIZER in finalizers:
            await self._set_finalizers(service_cidr, [name for name in finalizers if name != FINALIZER])

    async def _held_addresses(self) -> list[str]:
        listed = msgspec.json.decode(await self._client.get(IP_ADDRESSES.path(), _OF_SERVICES))
        return [item["metadata"]["name"] for item in listed.get("items") or ()]

    async def _set_finalizers(self, service_cidr: ServiceCIDR, finalizers: list[str]) -> ServiceCIDR:
        seen = {"resourceVersion": service_cidr.metadata.resource_version}
        path = SERVICE_CIDRS.path(name=service_cidr.name)
        return self._ranges.learn(await self._client.patch(path, {"metadata": {**seen, "finalizers": finalizers}}))

    async def _say(self, service_cidr: ServiceCIDR, wanted: Condition) -> None:
        """Set the condition Ready; its time says since when it has been so."""
        now = service_cidr.ready_condition
        if now and (now.status, now.reason) == (wanted.status, wanted.reason):
            return
        condition = {"type": "Ready", "status": wanted.status, "reason": wanted.reason, "message": wanted.message}
        patch = {"status": {"conditions": [{**condition, "lastTransitionTime": now_text()}]}}
        path = SERVICE_CIDRS.path(name=service_cidr.name, subresource="status")
        self._ranges.learn(await self._client.patch(path, patch, STRATEGIC_MERGE_PATCH))
