"""Gives Services of type LoadBalancer their addresses, and takes them back.

Keeps upstream's order, so that no address is lost: finalizer, then address; and on the way out status, then finalizer.
Which address is ``fairlead.allocation.load_balancer``; that packets to it arrive is the data plane's business.
Upstream: ``staging/src/k8s.io/cloud-provider/controllers/service/controller.go``.
"""

from fairlead.allocation.load_balancer import (
    FINALIZER,
    NoAddress,
    choose_addresses,
    conflicts,
    ingress_ips,
    wants_load_balancer,
)
from fairlead.allocation.shared_addresses import AddressClaim, claim_of
from fairlead.app.controllers.context import ControllerContext
from fairlead.drivers.kube.client import SERVICES, KubeError
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.events import EventText
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service, latest


class LoadBalancerController:
    """Keys are those of Services; one worker, so that no address is given twice."""

    name = "service-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(context.clock)
        self._client = context.client
        self._events = context.events.recorder(self.name)
        self._pools = context.settings.load_balancer_pools
        self._seen = context.settings.load_balancer_seen
        self._services = context.watches.of(SERVICES, Service)
        self.needs = (self._services,)
        self._taken: dict[str, dict[ObjectKey, AddressClaim]] = {}
        self._waiting: set[ObjectKey] = set()
        if self._pools:
            self._services.listen(self._changed)

    def _changed(self, old: Service | None, new: Service | None) -> None:
        service = latest(old, new)
        if service.spec.type == "LoadBalancer":
            self._seen()
        for ip in ingress_ips(old) if old else ():
            holders = self._taken.get(ip, {})
            holders.pop(service.key, None)
            if not holders:
                self._taken.pop(ip, None)
        for ip in ingress_ips(new) if new else ():
            self._taken.setdefault(ip, {})[service.key] = claim_of(service)
        self.queue.add(service.key)
        if old and ingress_ips(old) and _claims(old) != _claims(new):
            for waiting in self._waiting:  # an address came free, or may be shared now
                self.queue.add(waiting)

    async def reconcile(self, key: ObjectKey) -> None:
        """Give or take, whichever the Service calls for."""
        self._waiting.discard(key)
        service = self._services.objects.get(key)
        if service is None:
            return
        try:
            if wants_load_balancer(service, self._pools) and not service.is_terminating:
                await self._ensure(service)
            elif FINALIZER in (service.metadata.finalizers or ()):
                await self._clean_up(service)
        except KubeError as error:
            if error.code != 404:  # gone meanwhile
                raise

    async def _ensure(self, service: Service) -> None:
        lost = conflicts(service, self._taken)
        for address, reason in lost.items():
            text = f"gives the address {address} up: {reason}"
            self._say(service, "LoadBalancerAddressConflict", text, "Warning")
        try:
            addresses = choose_addresses(service, self._pools, self._taken)
        except NoAddress as error:
            self._waiting.add(service.key)
            self._say(service, "SyncLoadBalancerFailed", f"Error syncing load balancer: {error}", "Warning")
            if lost:
                await self._set_ingress(service, tuple(ip for ip in ingress_ips(service) if ip not in lost))
            return
        finalizers = service.metadata.finalizers or ()
        if FINALIZER not in finalizers:
            self._say(service, "EnsuringLoadBalancer", "Ensuring load balancer")
            service = await self._set_finalizers(service, [*finalizers, FINALIZER])
        if addresses != ingress_ips(service):
            await self._set_ingress(service, addresses)
            self._say(service, "EnsuredLoadBalancer", "Ensured load balancer")

    async def _clean_up(self, service: Service) -> None:
        self._say(service, "DeletingLoadBalancer", "Deleting load balancer")
        if ingress_ips(service):
            service = await self._set_ingress(service, ())
        kept = [name for name in service.metadata.finalizers or () if name != FINALIZER]
        await self._set_finalizers(service, kept)
        self._say(service, "DeletedLoadBalancer", "Deleted load balancer")

    async def _set_finalizers(self, service: Service, finalizers: list[str]) -> Service:
        seen = {"resourceVersion": service.metadata.resource_version}
        path = SERVICES.path(service.namespace, service.name)
        return self._services.learn(await self._client.patch(path, {"metadata": {**seen, "finalizers": finalizers}}))

    async def _set_ingress(self, service: Service, addresses: tuple[str, ...]) -> Service:
        ingress = [{"ip": address, "ipMode": "VIP"} for address in addresses]
        path = SERVICES.path(service.namespace, service.name, "status")
        patch = {"status": {"loadBalancer": {"ingress": ingress or None}}}
        return self._services.learn(await self._client.patch(path, patch))

    def _say(self, service: Service, reason: str, message: str, type_: str = "Normal") -> None:
        self._events.record(service, "v1", "Service", EventText(reason, message, type_))


def _claims(service: Service | None) -> dict[str, AddressClaim]:
    """What the Service has each of its addresses with."""
    return dict.fromkeys(ingress_ips(service), claim_of(service)) if service else {}
