"""The node proxy's process: keeps the kernel's rules of one node in step with the API.

Nothing is written before the Services and their EndpointSlices are both known, so that a restart never empties tables
that work. From then on each change plans the Services that it touches and sends one small transaction; what arrives
while one is under way goes into the next. After a failed transaction, or when somebody else has touched the ruleset,
what is in the kernel is compared with what should be, and put right.
"""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

import msgspec

from fairlead.app.proxy.backends import IptablesPlane, NftPlane, Plane
from fairlead.app.proxy.events import ProxyEvents
from fairlead.app.proxy.health import HealthPages
from fairlead.app.proxy.local_gaps import LocalGaps
from fairlead.app.proxy.service_cidrs import ServiceCidrs
from fairlead.dataplane.forwarding import NodeView
from fairlead.dataplane.health import local_health
from fairlead.dataplane.node_view import PRIMARY, NodeSettings, has_localhost, listening_addresses, view_node
from fairlead.dataplane.sysctls import LIBERAL, ROUTE_LOCALNET, ConntrackSettings, conntrack_sysctls
from fairlead.drivers.kube.client import ENDPOINT_SLICES, NODES, SERVICES, KubeClient
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.linux.local_addresses import kernel_families, local_addresses
from fairlead.drivers.linux.sysctls import owns_network, read_sysctl, write_sysctls
from fairlead.drivers.proxy import nft
from fairlead.drivers.proxy.cpu_wait import Breather
from fairlead.drivers.proxy.healthcheck_server import HealthCheckServers
from fairlead.drivers.proxy.metrics import Programming, ProxyMetrics
from fairlead.drivers.proxy.nft_commands import RulesError
from fairlead.drivers.tiny_http import Page, serve_pages
from fairlead.model.addresses import IPFamily
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

CHECK_SECONDS, LAST_CHECK = 1.0, 30.0  # between looks at whether somebody else has changed the ruleset
FIRST_RETRY, LAST_RETRY = 0.1, 30.0  # seconds after a failed transaction, doubling
HEALTHZ_PORT = 10256
NODE_WAIT = 30.0  # seconds to wait for the Node object, as upstream does

_MODES = {"nft": "nftables", "iptables": "iptables"}  # kube-proxy's names for them

log = logging.getLogger(__name__)

Address = tuple[str, int]


@dataclass(frozen=True)
class ProxyOptions:
    """How to run a node proxy.

    Attributes:
        node_name: the Node whose proxy this is.
        kubeconfig: path; None looks where kubectl looks.
        backend: nft or iptables.
        conntrack: what to ask of connection tracking, where the network namespace is ours.
        min_sync_period: seconds to rest after each change of the rules; what comes meanwhile goes into the next. While
            the machine is short of processors, the rest is longer (``cpu_wait``).
        healthz, metrics: where to serve /healthz and /livez, and /metrics; None: nowhere.
    """

    node_name: str
    kubeconfig: str | None = None
    settings: NodeSettings = field(default_factory=NodeSettings)
    backend: str = "nft"
    min_sync_period: int = 0
    conntrack: ConntrackSettings = field(default_factory=ConntrackSettings)
    healthz: Address | None = ("0.0.0.0", HEALTHZ_PORT)  # noqa: S104 - load balancers ask from outside
    metrics: Address | None = ("127.0.0.1", 10249)


async def run(options: ProxyOptions, ready: Callable[[], None]) -> None:
    """Serve until cancelled; the rules stay behind, so that traffic flows while a proxy restarts."""
    set_up_kernel(options)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(KubeClient.from_kubeconfig(options.kubeconfig))
        proxy = NodeProxy(options, client)
        stack.callback(proxy.health_checks.close)
        for address, pages in ((options.healthz, proxy.health.pages()), (options.metrics, proxy.metric_pages())):
            if address is not None:
                server = await serve_pages(*address, pages)
                stack.callback(server.close)
        await proxy.run(ready)


def set_up_kernel(options: ProxyOptions) -> None:
    """Set what the options ask of connection tracking, unless this network namespace is somebody else's."""
    if owns_network():
        write_sysctls(conntrack_sysctls(options.conntrack, os.cpu_count() or 1))


def _planes(options: ProxyOptions) -> tuple[list[Plane], list[Plane]]:
    """The planes of the back end that is asked for, and those of the other."""
    comment = f"Kubernetes Services as node {options.node_name} forwards them"
    families = kernel_families()
    nftables: list[Plane] = [NftPlane(family, comment) for family in families]
    iptables: list[Plane] = [IptablesPlane(family) for family in families]
    return (nftables, iptables) if options.backend == "nft" else (iptables, nftables)


async def clean_up() -> None:
    """Take the rules of both back ends out of the kernel.

    Raises:
        RulesError: the kernel refused.
    """
    for family in kernel_families():
        for plane in (NftPlane(family, ""), IptablesPlane(family)):
            await plane.remove()


class NodeProxy:
    """Follows the API, and drives the kernel's tables after it."""

    def __init__(self, options: ProxyOptions, client: KubeClient) -> None:
        self._options = options
        is_liberal = read_sysctl(LIBERAL) == "1"
        self._settings = msgspec.structs.replace(options.settings, is_conntrack_liberal=is_liberal)
        self._snapshot = ClusterSnapshot()
        self._changed: set[ObjectKey] = set()
        self._news = asyncio.Event()
        self._planes, self._others = _planes(options)
        self._generation = 0  # of the ruleset, as far as we account for it
        self._patience, self._next_look = CHECK_SECONDS, time.monotonic()
        self._addresses: tuple[str, ...] = ()
        families = tuple(plane.family.value for plane in self._planes)
        self.metrics = ProxyMetrics(families, options.backend)
        self._programming = Programming(self.metrics)
        self._gaps = {family: LocalGaps(self.metrics, family) for family in families}
        self.health = HealthPages(families, lambda: self._snapshot.nodes.get(options.node_name), self.metrics)
        self._events = ProxyEvents(client, options.node_name, can_hash=options.backend == "nft")
        self.health_checks = HealthCheckServers(self.health.is_healthy, self._health_check_failed)
        ours = {"labelSelector": f"!{PROXY_NAME_LABEL}"}
        self._services = Informer(client, SERVICES, Service, self._service_changed, ours)
        with_virtual_ip = {"labelSelector": f"!{HEADLESS_LABEL}"}
        self._slices = Informer(client, ENDPOINT_SLICES, EndpointSlice, self._slice_changed, with_virtual_ip)
        own = {"fieldSelector": f"metadata.name={options.node_name}"}
        self._nodes = Informer(client, NODES, Node, self._note, own)
        self._service_cidrs = ServiceCidrs(client, self._cidrs_changed)

    def metric_pages(self) -> dict[str, Callable[[], Page]]:
        """What is served beside the rules themselves, on kube-proxy's paths."""
        return {
            "/metrics": lambda: Page(self.metrics.text()),
            "/proxyMode": lambda: Page(_MODES[self._options.backend]),
        }

    async def run(self, ready: Callable[[], None]) -> None:
        """Follow until cancelled; ``ready`` is called once the rules are in the kernel."""
        async with asyncio.TaskGroup() as tasks:
            gc.disable()  # a first list makes much that stays; looking for garbage in it costs as much as making it
            tasks.create_task(self._events.run())
            for informer in (self._services, self._slices, self._nodes, self._service_cidrs):
                tasks.create_task(informer.run())
            await self._services.synced.wait()
            await self._slices.synced.wait()
            await self._service_cidrs.synced.wait()
            await self._wait_for_node()
            await self._step_until_done()
            self._open_loopback()
            await self._remove_others()
            gc.collect()
            gc.freeze()  # what is there now is there to stay: later collections pass it over
            gc.enable()
            ready()
            breather = Breather()
            while True:
                await asyncio.sleep(max(self._options.min_sync_period, breather.rest()))
                await self._wait_for_news()
                await self._step_until_done()

    def _open_loopback(self) -> None:
        """Node ports on loopback need its addresses routed; the rule that keeps neighbours out is there by now."""
        if has_localhost(self._settings, IPFamily.IPV4):
            if owns_network():
                write_sysctls({ROUTE_LOCALNET: 1})
            else:
                log.warning("node ports on localhost need net.ipv4.conf.all.route_localnet=1; it is not ours to set")

    async def _remove_others(self) -> None:
        """The rules of the other back end would translate what ours should: they go once ours are there."""
        for plane in self._others:
            try:
                await plane.remove()
            except RulesError as error:
                log.info("nothing of the other back end removed: %s", error)
        self._generation = nft.generation()

    async def _wait_for_node(self) -> None:
        """The node's address decides where node ports answer; without one the rules are made all the same."""
        try:
            async with asyncio.timeout(NODE_WAIT):
                while self._options.node_name not in self._snapshot.nodes:
                    await self._news.wait()
                    self._news.clear()
        except TimeoutError:
            log.warning("there is no Node %s; going on without its addresses", self._options.node_name)

    async def _wait_for_news(self) -> None:
        """Until the API has news, or this host has: nothing is done for a cluster and a host that rest."""
        while not self._news.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._next_look):
                    await self._news.wait()
            if time.monotonic() >= self._next_look and await self._look_around():
                return

    async def _look_around(self) -> bool:
        """Whether this host has changed since the last look: its rules by the hands of others, or its addresses."""
        have_strangers_come = self._have_strangers_come()
        self._next_look = time.monotonic() + self._patience
        return have_strangers_come or await self._have_addresses_changed()

    def _have_strangers_come(self) -> bool:
        """A generation that our own transactions do not account for means that somebody has touched the ruleset.

        It may not have been ours, and to find out costs a look at all of it: the more often, the later the next look.
        """
        generation = nft.generation()
        if generation == self._generation:
            self._patience = CHECK_SECONDS
            return False
        self._generation, self._patience = generation, min(self._patience * 2, LAST_CHECK)
        for plane in self._planes:
            plane.doubt()
            self.metrics.foreign.labels(plane.family).inc()
        return True

    async def _have_addresses_changed(self) -> bool:
        return await self._read_addresses() != self._addresses

    async def _read_addresses(self) -> tuple[str, ...]:
        """This host's addresses, if node ports depend on them."""
        return () if self._settings.node_port_addresses == (PRIMARY,) else await local_addresses()

    async def _step_until_done(self) -> None:
        delay = FIRST_RETRY
        while True:
            try:
                return await self._step()
            except RulesError as error:
                log.warning("rules not changed, next attempt in %.1f s: %s", delay, error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, LAST_RETRY)

    async def _step(self) -> None:
        """One transaction for everything that has changed since the last."""
        self._addresses = await self._read_addresses()
        self._news.clear()
        snapshot, changed, self._changed = self._snapshot, self._changed, set()
        for kind in (self.metrics.services, self.metrics.endpoints):
            kind.taken()
        name, views = self._options.node_name, self._views(snapshot)
        try:
            for plane, view in zip(self._planes, views, strict=True):
                self._generation += await self._follow(plane, snapshot, changed, view)
        except RulesError:
            # The planes that were not reached have not heard of these changes.
            self._changed |= changed
            raise
        self._programming.done()
        for kind in (self.metrics.services, self.metrics.endpoints):
            kind.done()
        checks = {key: local_health(snapshot, key, name) for key in changed}
        await self.health_checks.follow(checks, [host for view in views for host in listening_addresses(view)])

    def _views(self, snapshot: ClusterSnapshot) -> list[NodeView]:
        name, node = self._options.node_name, snapshot.nodes.get(self._options.node_name)
        return [view_node(self._settings, name, node, self._addresses, plane.family) for plane in self._planes]

    async def _follow(self, plane: Plane, snapshot: ClusterSnapshot, changed: set[ObjectKey], view: NodeView) -> int:
        is_full = plane.is_full_step(view)
        with self.metrics.step(plane.family, is_full=is_full) as report:
            done = await plane.follow(snapshot, changed, view)
            report(done.forgotten, done.seconds_to_forget)
        if done.rules:
            self.metrics.iptables_rules(plane.family, *done.rules)
        self._gaps[plane.family].follow(snapshot, {*snapshot.services, *changed} if is_full else changed, view)
        self.health.updated(plane.family)
        return done.transactions

    def _note(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self._snapshot = self._snapshot.with_object(new)
        elif old is not None:
            self._snapshot = self._snapshot.without_object(old)
        self._news.set()
        self.health.queued()

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        self._note(old, new)
        for service in {s.key for s in (old, new) if s}:
            self._changed.add(service)
            self.metrics.services.came(service)
        self._events.service_changed(old, new)

    def _cidrs_changed(self, cidrs: tuple[str, ...]) -> None:
        self._settings = msgspec.structs.replace(
            self._settings, service_cidrs=cidrs or self._options.settings.service_cidrs
        )
        self._news.set()

    def _health_check_failed(self, key: ObjectKey, port: int, error: OSError) -> None:
        if service := self._snapshot.services.get(key):
            self._events.health_check_failed(service, port, error)

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        self._note(old, new)
        for service in {s.service_key for s in (old, new) if s and s.service_key}:
            self._changed.add(service)
            self.metrics.endpoints.came(service)
        if new is not None and (text := new.annotations.get(TRIGGER_TIME_ANNOTATION)):
            self._programming.triggered(new.address_type, text)
