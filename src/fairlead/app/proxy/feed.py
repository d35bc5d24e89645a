"""The objects that a node proxy watches, as one snapshot, and the Services that have changed since the last step."""

import asyncio
from collections.abc import Callable
from typing import Any

from fairlead.app.proxy.reports import Reports
from fairlead.app.proxy.service_cidrs import ServiceCidrs
from fairlead.drivers.kube.client import ENDPOINT_SLICES, NODES, SERVICES, KubeClient
from fairlead.drivers.kube.informer import Informer
from fairlead.model.names import ObjectKey
from fairlead.model.objects import (
    HEADLESS_LABEL,
    PROXY_NAME_LABEL,
    TRIGGER_TIME_ANNOTATION,
    EndpointSlice,
    Node,
    Object,
    Service,
)
from fairlead.model.snapshot import ClusterSnapshot


class Feed:
    """Follows Services, their slices, the node's own Node and the ServiceCIDRs.

    Attributes:
        snapshot: the newest state.
        news: set whenever there is something to look at.
        is_new: whether that is for Services.
        service_cidrs: where virtual IPs come from, as far as the API says so.
    """

    def __init__(self, client: KubeClient, node_name: str, reports: Reports) -> None:
        self.snapshot = ClusterSnapshot()
        self.news = asyncio.Event()
        self.is_new = False
        self.service_cidrs: tuple[str, ...] = ()
        self._changed: set[ObjectKey] = set()
        self._reports = reports
        ours = {"labelSelector": f"!{PROXY_NAME_LABEL}"}
        self._services = Informer(client, SERVICES, Service, self.service_changed, ours)
        with_virtual_ip = {"labelSelector": f"!{HEADLESS_LABEL}"}
        self._slices = Informer(client, ENDPOINT_SLICES, EndpointSlice, self.slice_changed, with_virtual_ip)
        own = {"fieldSelector": f"metadata.name={node_name}"}
        self._nodes = Informer(client, NODES, Node, self._note, own)
        self._cidrs = ServiceCidrs(client, self._cidrs_changed)

    def start(self, create_task: Callable[..., object]) -> None:
        """Follow until the tasks are cancelled."""
        for informer in (self._services, self._slices, self._nodes, self._cidrs):
            create_task(informer.run())

    @property
    def informers(self) -> tuple[Informer[Any], ...]:
        """The informers of the objects that rules are made from."""
        return (self._services, self._slices, self._nodes)

    async def wait_until_known(self) -> None:
        """Wait until all existing Services and slices have been read: before that, rules would be incomplete."""
        for informer in (self._services, self._slices, self._cidrs):
            await informer.synced.wait()

    async def wait_for_node(self, name: str) -> None:
        """Wait until a Node of this name exists."""
        while name not in self.snapshot.nodes:
            await self.news.wait()
            self.news.clear()

    def take(self) -> tuple[ClusterSnapshot, set[ObjectKey]]:
        """The newest state, and the Services that have changed since this was called last."""
        self.news.clear()
        self.is_new = False
        changed, self._changed = self._changed, set()
        return self.snapshot, changed

    def give_back(self, changed: set[ObjectKey]) -> None:
        """These have not been dealt with: take them again."""
        self._changed |= changed

    def service_changed(self, old: Service | None, new: Service | None) -> None:
        self._note(old, new)
        for service in {s.key for s in (old, new) if s}:
            self._changed.add(service)
            self._reports.metrics.services.came(service)
        if new is not None and self._services.synced.is_set():
            self._reports.spreading.heard(new)
        self._reports.service_changed(self.snapshot, old, new)

    def slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        self._note(old, new)
        for service in {s.service_key for s in (old, new) if s and s.service_key}:
            self._changed.add(service)
            self._reports.metrics.endpoints.came(service)
        if new is not None and self._slices.synced.is_set():
            self._reports.spreading.heard(new)
        if new is not None and (text := new.annotations.get(TRIGGER_TIME_ANNOTATION)):
            self._reports.programming.triggered(new.address_type, text)

    def _cidrs_changed(self, cidrs: tuple[str, ...]) -> None:
        self.service_cidrs = cidrs
        self._wake()

    def _note(self, old: Object | None, new: Object | None) -> None:
        self.snapshot = self.snapshot.with_change(old, new)
        self._wake()
        self._reports.health.queued()

    def _wake(self) -> None:
        self.is_new = True
        self.news.set()
