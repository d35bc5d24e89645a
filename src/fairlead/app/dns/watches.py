"""The DNS server's watches on the cluster, and how each change is published."""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.changes import Watched
from fairlead.clusterdns.clusterset import IMPORTED_NAME_LABEL, ServiceImport, service_of, slice_of
from fairlead.drivers.change_marks import RecentMarks
from fairlead.drivers.dns.metrics import ProgrammingDelay, WatchedCollection
from fairlead.drivers.dns.metrics import Watched as Observed
from fairlead.drivers.kube.client import ENDPOINT_SLICES, NAMESPACES, PODS, SERVICES, KubeClient, ResourcePath
from fairlead.drivers.kube.informer import Informer, Known
from fairlead.model.marks import Mark, Station
from fairlead.model.objects import SERVICE_NAME_LABEL, EndpointSlice, Namespace, Pod, Service

SERVICE_IMPORTS = ResourcePath("multicluster.x-k8s.io/v1alpha1", "serviceimports")


class Needs(NamedTuple):
    """The parts of a cluster that answers depend on.

    Attributes:
        cluster: its Namespaces, Services and EndpointSlices; without, nothing is watched at all.
        pods: its Pods.
        imports: what it imports from other clusters.
    """

    cluster: bool = True
    pods: bool = False
    imports: bool = False


NEEDS = Needs()
Copies = Mapping[str, Known[Any]]  # by the name of the collection


class ZoneWatches:
    """One informer for each collection that the zone's answers depend on.

    Attributes:
        marks: when answers began to follow the newest Services and EndpointSlices.
    """

    def __init__(self, client: KubeClient, authority: Authority, delay: ProgrammingDelay, needs: Needs = NEEDS) -> None:
        self._authority, self._delay, self._client = authority, delay, client
        self._later: asyncio.Queue[str] = asyncio.Queue()
        self.marks = RecentMarks()
        own, imported = {"labelSelector": SERVICE_NAME_LABEL}, {"labelSelector": IMPORTED_NAME_LABEL}
        self.informers: dict[str, Informer[Any]] = {
            "namespaces": Informer(client, NAMESPACES, Namespace, self._publish),
            "services": Informer(client, SERVICES, Service, self._publish_service),
            "endpointslices": Informer(client, ENDPOINT_SLICES, EndpointSlice, self._publish_slice, own),
        }
        if needs.pods:
            self.informers["pods"] = self._of_pods()
        if needs.imports:
            self.informers["serviceimports"] = Informer(client, SERVICE_IMPORTS, ServiceImport, self._publish_import)
            self.informers["imported endpointslices"] = Informer(
                client, ENDPOINT_SLICES, EndpointSlice, self._publish_imported_slice, imported
            )

    @property
    def known(self) -> Copies:
        """The objects read so far."""
        return {name: informer.known for name, informer in self.informers.items()}

    def resume(self, copies: Copies) -> None:
        """Go on from what was read before this process was forked, which the authority knows already."""
        for name, copy in copies.items():
            self.informers[name].resume(copy)

    async def run(self) -> None:
        """Follow the cluster until cancelled."""
        async with asyncio.TaskGroup() as group:
            for informer in self.informers.values():
                group.create_task(informer.run())
            while True:
                group.create_task(self.informers[await self._later.get()].run())

    async def follow_pods(self) -> None:
        """Follow Pods from now on too; returns when they have been read once."""
        if "pods" not in self.informers:
            self.informers["pods"] = self._of_pods()
            self._later.put_nowait("pods")
        await self.informers["pods"].synced.wait()

    def _of_pods(self) -> Informer[Any]:
        return Informer(self._client, PODS, Pod, self._publish)

    async def read_all(self) -> None:
        """Return when everything has been read once."""
        for informer in self.informers.values():
            await informer.synced.wait()

    @property
    def unread(self) -> list[str]:
        """The collections that have not been read yet."""
        return [name for name, informer in self.informers.items() if not informer.synced.is_set()]

    @property
    def dead(self) -> dict[str, float]:
        """Seconds since each dead watch died."""
        return {name: informer.dead_for for name, informer in self.informers.items() if informer.dead_for > 0}

    @property
    def observed(self) -> Observed:
        """The size of each collection, and the time of the last event of its watch."""
        return {name: partial(_observed, informer) for name, informer in self.informers.items()}

    def _publish(self, old: Watched | None, new: Watched | None) -> None:
        self._authority.change(old, new, int(time.time()))

    def _publish_service(self, old: Service | None, new: Service | None) -> None:
        began = time.time()
        self._publish(old, new)
        if new is not None:
            self._mark(new, began)

    def _mark(self, new: Service | EndpointSlice, began: float) -> None:
        kind = type(new).__name__
        self.marks.add(Mark("", Station.NAMES, kind, *new.key, new.version, began, time.time()))

    def _publish_slice(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        began = time.time()
        self._publish(old, new)
        if new is not None:
            self._mark(new, began)
        if self._authority.synced and new is not None and new.service_key is not None:
            self._delay.observe(new, self._authority.snapshot.services.get(new.service_key), time.time())

    def _publish_import(self, old: ServiceImport | None, new: ServiceImport | None) -> None:
        before = None if old is None else service_of(old)
        after = None if new is None else service_of(new)
        self._authority.change(before, after, int(time.time()), imported=True)

    def _publish_imported_slice(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        before = None if old is None else slice_of(old)
        after = None if new is None else slice_of(new)
        if before is not None or after is not None:
            self._authority.change(before, after, int(time.time()), imported=True)


def _observed(informer: Informer[Any]) -> WatchedCollection:
    return WatchedCollection(len(informer.objects), time.monotonic() - informer.last_heard)
