"""The DNS process: watches the cluster, publishes each change, answers over UDP and TCP, reports on itself.

Until Namespaces, Services and EndpointSlices (and Pods, when Pod names are verified) have been read once, every name
below the apex gets SERVFAIL and ``/ready`` says 503. When a watch dies later, the last known answers go on being
served, for they serve a cluster better than none; ``/ready`` tells of it at once, and says 503 when it lasts.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.changes import Watched
from fairlead.clusterdns.clusterset import IMPORTED_NAME_LABEL, ServiceImport, service_of, slice_of
from fairlead.clusterdns.wire import UDP_CAP
from fairlead.clusterdns.zone import PodsMode, Zone
from fairlead.drivers.dns_autopath import Autopath
from fairlead.drivers.dns_forwarder import Forwarder, ForwardOptions
from fairlead.drivers.dns_metrics import Collection, DnsCollector, ProgrammingDelay, new_registry, render
from fairlead.drivers.dns_query_log import print_reply
from fairlead.drivers.dns_server import DnsServer, own_addresses
from fairlead.drivers.dns_services import Services
from fairlead.drivers.informer import Informer
from fairlead.drivers.kube_client import ENDPOINT_SLICES, NAMESPACES, PODS, SERVICES, KubeClient, Resource
from fairlead.drivers.tiny_http import Page, Pages, serve_pages
from fairlead.model.addresses import IPNetwork
from fairlead.model.objects import SERVICE_NAME_LABEL, EndpointSlice, Namespace, Pod, Service

SERVICE_IMPORTS = Resource("multicluster.x-k8s.io/v1alpha1", "serviceimports")


@dataclass(frozen=True)
class DnsOptions:
    """How to run the server.

    Attributes:
        kubeconfig: None looks where kubectl looks.
        addresses: where DNS is served, over UDP and TCP.
        udp_cap: the largest reply over UDP, in octets.
        http_address: where the health, readiness and metrics ports are served; a port of None leaves one out.
        unready_after: seconds after which a dead watch makes the server not ready; None: never.
        lameduck: seconds to go on answering, while not ready, after the server is told to stop, so that clients hear of
            it first.
        log: print every query; replies are then made one by one.
        transfer_to: who may transfer the zone.
        shared: let other processes bind the same port (SO_REUSEPORT).
    """

    kubeconfig: Path | None = None
    context: str | None = None
    addresses: tuple[str, ...] = ("0.0.0.0",)  # noqa: S104 - a name server is there to be reached
    port: int = 53
    zone: Zone = field(default_factory=Zone)
    udp_cap: int = UDP_CAP
    http_address: str = "0.0.0.0"  # noqa: S104
    health_port: int | None = 8080
    ready_port: int | None = 8181
    metrics_port: int | None = 9153
    forward: ForwardOptions = field(default_factory=ForwardOptions)
    unready_after: float | None = 300.0
    lameduck: float = 0.0
    log: bool = False
    shared: bool = False
    transfer_to: tuple[IPNetwork, ...] = ()


async def run(options: DnsOptions, ready: Callable[[], None]) -> None:
    """Serve until cancelled; ``ready`` is called once the whole cluster has been read.

    Raises:
        OSError: an address cannot be bound. ForwardingLoop: an upstream server sends our own queries back to us.
    """
    zone = replace(options.zone, own_addresses=own_addresses(options.addresses), serial=int(time.time()))
    process = _Process(options, zone)
    try:
        await process.listen()
        async with KubeClient.from_kubeconfig(options.kubeconfig, options.context) as client:
            watching = asyncio.ensure_future(process.watch(client, ready))
            await _until_told_to_stop(watching, process, options.lameduck)
    finally:
        process.close()


async def _until_told_to_stop(watching: asyncio.Future[None], process: "_Process", lameduck: float) -> None:
    """Wait for the watches, which end only in failure; when cancelled, let them go on for the lame-duck time."""
    try:
        await asyncio.shield(watching)
    except asyncio.CancelledError:
        process.leaving = True
        await asyncio.sleep(lameduck)
        raise
    finally:
        watching.cancel()
        await asyncio.wait([watching])


class ForwardingLoop(Exception):
    """An upstream server asks us."""


class _Process:
    """The parts, wired."""

    def __init__(self, options: DnsOptions, zone: Zone) -> None:
        self.leaving = False
        self._options = options
        self._authority = Authority(zone)
        self._forwarder = Forwarder(options.forward)
        self._autopath = Autopath(self._authority, self._forwarder)
        log = print_reply if options.log else None
        services = Services(self._forwarder, log, options.transfer_to, self._autopath)
        self._server = DnsServer(self._authority, services, options.udp_cap)
        self._registry = new_registry()
        self._delay = ProgrammingDelay(self._registry)
        self._informers: dict[str, Informer[Any]] = {}
        self._pages: list[asyncio.Server] = []

    async def listen(self) -> None:
        """Answer from now on, if only with SERVFAIL."""
        await self._server.listen(self._options.addresses, self._options.port, self._options.shared)
        self._forwarder.start()
        ports: list[tuple[int | None, Pages]] = [
            (self._options.health_port, {"/health": lambda: Page("OK")}),
            (self._options.ready_port, {"/ready": self._ready_page}),
            (self._options.metrics_port, {"/metrics": self._metrics_page}),
        ]
        for port, pages in ports:
            if port is not None:
                self._pages.append(await serve_pages(self._options.http_address, port, pages))

    async def watch(self, client: KubeClient, ready: Callable[[], None]) -> None:
        """Follow the cluster until cancelled."""
        zone, selector = self._authority.zone, {"labelSelector": SERVICE_NAME_LABEL}
        self._informers = {
            "namespaces": Informer(client, NAMESPACES, Namespace, self._publish),
            "services": Informer(client, SERVICES, Service, self._publish),
            "endpointslices": Informer(client, ENDPOINT_SLICES, EndpointSlice, self._publish_slice, selector),
        }
        if zone.pods is PodsMode.VERIFIED or zone.autopath is not None:
            self._informers["pods"] = Informer(client, PODS, Pod, self._publish)
        if zone.clusterset is not None:
            self._informers |= self._clusterset_informers(client)
        self._register_metrics()
        watches = (informer.run() for informer in self._informers.values())
        await asyncio.gather(*watches, self._finish_sync(ready), self._watch_for_loop())

    def _clusterset_informers(self, client: KubeClient) -> dict[str, Informer[Any]]:
        """What the Multi-Cluster Services API imports from other clusters."""
        selector = {"labelSelector": IMPORTED_NAME_LABEL}
        return {
            "serviceimports": Informer(client, SERVICE_IMPORTS, ServiceImport, self._publish_import),
            "imported endpointslices": Informer(
                client, ENDPOINT_SLICES, EndpointSlice, self._publish_imported_slice, selector
            ),
        }

    async def _finish_sync(self, ready: Callable[[], None]) -> None:
        for informer in self._informers.values():
            await informer.synced.wait()
        self._authority.finish_sync(int(time.time()))
        gc.collect()
        gc.freeze()  # what was read stays; there is no use in looking at it again and again
        ready()

    async def _watch_for_loop(self) -> None:
        await self._forwarder.looped.wait()
        raise ForwardingLoop("an upstream server sends queries back to this one; see its resolv.conf")

    def close(self) -> None:
        self._forwarder.close()
        self._server.close()
        for page in self._pages:
            page.close()

    def _publish(self, old: Watched | None, new: Watched | None) -> None:
        self._authority.change(old, new, int(time.time()))

    def _publish_import(self, old: ServiceImport | None, new: ServiceImport | None) -> None:
        before = None if old is None else service_of(old)
        after = None if new is None else service_of(new)
        self._authority.change(before, after, int(time.time()), imported=True)

    def _publish_imported_slice(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        before = None if old is None else slice_of(old)
        after = None if new is None else slice_of(new)
        if before is not None or after is not None:
            self._authority.change(before, after, int(time.time()), imported=True)

    def _publish_slice(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        self._publish(old, new)
        if self._authority.synced and new is not None and new.service_key is not None:
            self._delay.observe(new, self._authority.snapshot.services.get(new.service_key), time.time())

    def _register_metrics(self) -> None:
        watched = {name: partial(_watched_now, informer) for name, informer in self._informers.items()}
        self._registry.register(DnsCollector(self._server, self._authority, self._forwarder, watched))

    def _ready_page(self) -> Page:
        if self.leaving:
            return Page("shutting down", HTTPStatus.SERVICE_UNAVAILABLE)
        if not self._authority.synced:
            waiting = [name for name, informer in self._informers.items() if not informer.synced.is_set()]
            return Page("not yet read: " + ", ".join(waiting), HTTPStatus.SERVICE_UNAVAILABLE)
        return _watches_page(self._informers, self._options.unready_after)

    def _metrics_page(self) -> Page:
        return Page(render(self._registry), content_type="text/plain; version=0.0.4; charset=utf-8")


def _watches_page(informers: dict[str, Informer[Any]], unready_after: float | None) -> Page:
    dead = {name: informer.dead_for for name, informer in informers.items() if informer.dead_for > 0}
    text = "".join(f"\nwatch of {name} dead for {seconds:.0f} s" for name, seconds in dead.items())
    if unready_after is not None and any(seconds >= unready_after for seconds in dead.values()):
        return Page("answers may be old:" + text, HTTPStatus.SERVICE_UNAVAILABLE)
    return Page("OK" + text)


def _watched_now(informer: Informer[Any]) -> Collection:
    return Collection(len(informer.objects), time.monotonic() - informer.last_heard)
