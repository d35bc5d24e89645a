"""The node proxy's process: keeps the kernel's rules of one node in step with the API.

Nothing is written before the Services and their EndpointSlices are both known, so that a restart never empties tables
that work. From then on each change plans the Services that it touches and sends one small transaction; what arrives
while one is under way goes into the next. After a failed transaction, or when another program has changed the ruleset,
what is in the kernel is compared with what should be, and put right. A Service that cannot be planned, or whose rules
the kernel refuses, stays as it was and is tried again; the others go on.
"""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import msgspec

from fairlead.app.proxy.feed import Feed
from fairlead.app.proxy.host_watch import HostWatch
from fairlead.app.proxy.iptables_plane import IptablesPlane
from fairlead.app.proxy.leftovers import remove_others, remove_policies
from fairlead.app.proxy.nft_plane import NftPlane
from fairlead.app.proxy.options import ProxyOptions
from fairlead.app.proxy.planes import Plane
from fairlead.app.proxy.policies import Policies
from fairlead.app.proxy.policy_plane import policy_plane
from fairlead.app.proxy.refusals import FIRST_RETRY, LAST_RETRY, Refusals
from fairlead.app.proxy.reports import Reports
from fairlead.dataplane.forwarding import NodeView
from fairlead.dataplane.node_view import PRIMARY, has_localhost, view_node
from fairlead.dataplane.sysctls import LIBERAL, ROUTE_LOCALNET, conntrack_sysctls
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.kube.page_access import PageAccess
from fairlead.drivers.kube.progress import reached
from fairlead.drivers.linux.local_addresses import kernel_families
from fairlead.drivers.linux.sysctls import owns_network, read_sysctl, write_sysctls
from fairlead.drivers.proxy.cpu_wait import Breather
from fairlead.drivers.proxy.host_firewall import chains_in_the_way
from fairlead.drivers.proxy.nft_commands import RulesError
from fairlead.drivers.steering.part_socket import steered
from fairlead.drivers.tiny_http import serve_pages
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot

INFINITY = float("inf")
POLICY_WAIT = 5.0  # seconds to wait for policies to be known
NODE_WAIT = 30.0  # seconds to wait for the Node object, as upstream does

log = logging.getLogger(__name__)


async def run(options: ProxyOptions, ready: Callable[[], None]) -> None:
    """Serve until cancelled; the rules stay behind, so that traffic flows while a proxy restarts."""
    set_up_kernel(options)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(KubeClient.from_kubeconfig(options.kubeconfig, part="proxy"))
        proxy = NodeProxy(options, client)
        await stack.enter_async_context(steered(options.steering, proxy.reached))
        stack.callback(proxy.reports.health_checks.close)
        access = PageAccess(client) if options.authorize_metrics else None
        served = ((options.healthz, proxy.reports.health.pages()), (options.metrics, proxy.reports.metric_pages()))
        for address, pages in served:
            if address is not None:
                server = await serve_pages(*address, pages, access)
                stack.callback(server.close)
        await proxy.run(ready)


def set_up_kernel(options: ProxyOptions) -> None:
    """Apply the options of connection tracking, unless another user owns this network namespace."""
    if owns_network():
        write_sysctls(conntrack_sysctls(options.conntrack, os.cpu_count() or 1))


def _planes(options: ProxyOptions) -> list[Plane]:
    comment = f"Kubernetes Services as node {options.node_name} forwards them"
    if options.backend == "nft":
        return [NftPlane(family, comment) for family in kernel_families()]
    return [IptablesPlane(family) for family in kernel_families()]


class NodeProxy:
    """Drives the kernel's tables after the API.

    Attributes:
        reports: what it says of itself.
        feed: what it follows of the API. host: what it knows of the host.
        policies: what it enforces beside Services; None: nothing.
    """

    def __init__(self, options: ProxyOptions, client: KubeClient, planes: list[Plane] | None = None) -> None:
        self._options = options
        is_liberal = read_sysctl(LIBERAL) == "1"
        self._settings = msgspec.structs.replace(options.settings, is_conntrack_liberal=is_liberal)
        self._planes = _planes(options) if planes is None else planes
        self.reports = Reports(options, client, tuple(plane.family.value for plane in self._planes))
        self.feed = Feed(client, options.node_name, self.reports)
        self.host = HostWatch(needs_addresses=options.settings.node_port_addresses != (PRIMARY,))
        self._refusals = Refusals(self.reports.refused)
        self._is_at_work = True  # until the first rules are there
        self._awaited, self._is_awaited = 0, asyncio.Event()  # callers of ``reached``
        families = [plane.family for plane in self._planes] if options.network_policies else []
        policy_planes = [policy_plane(family, options.node_name, options.backend) for family in families]
        self.policies = Policies(client, policy_planes, self.reports, self.feed.news.set) if policy_planes else None

    async def run(self, ready: Callable[[], None]) -> None:
        """Follow until cancelled; ``ready`` is called once the rules are in the kernel."""
        async with asyncio.TaskGroup() as tasks:
            gc.disable()  # a first list makes much that stays; looking for garbage in it costs as much as making it
            tasks.create_task(self.reports.events.run())
            self.feed.start(tasks.create_task)
            if self.policies is not None:
                self.policies.start(tasks.create_task)
            await self._start()
            gc.collect()
            gc.freeze()  # what is there now is there to stay: later collections pass it over
            gc.enable()
            ready()
            await self._follow_for_good()

    async def _start(self) -> None:
        await self.feed.wait_until_known()
        await self._wait_for_node()
        await self.step_until_done()
        self._open_loopback()
        await remove_others(self._planes, has_own_table=self._options.backend == "nft")
        await self._first_policies()
        await remove_policies(self._planes, self._options.backend if self.policies else "")
        self.host.account_for_all()
        self.reports.host_firewall(await chains_in_the_way())

    async def _follow_for_good(self) -> None:
        breather = Breather()
        while True:
            await asyncio.sleep(self._options.min_sync_period)
            await self._rest(breather.rest() - self._options.min_sync_period)
            if await self.wait_for_news():
                await self.step_until_done()
            await self.enforce_policies()

    async def _rest(self, seconds: float) -> None:
        """Collect changes for a while, unless a caller waits for them (``reached``)."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._is_awaited.wait()

    def _open_loopback(self) -> None:
        """Node ports on loopback need its addresses routed; the rule that keeps neighbours out is there by now."""
        if has_localhost(self._settings, IPFamily.IPV4):
            if owns_network():
                write_sysctls({ROUTE_LOCALNET: 1})
            else:
                log.warning("node ports on localhost need net.ipv4.conf.all.route_localnet=1; it is not ours to set")

    async def _wait_for_node(self) -> None:
        """Wait for the node's address, where node ports answer; after a time, rules are written without it."""
        try:
            async with asyncio.timeout(NODE_WAIT):
                await self.feed.wait_for_node(self._options.node_name)
        except TimeoutError:
            log.warning("there is no Node %s; going on without its addresses", self._options.node_name)

    async def reached(self, version: int) -> int:
        """Wait until the kernel has what a version of the API's objects leads to; the version that it is at."""
        self._awaited += 1
        self._is_awaited.set()
        try:
            return await reached(version, lambda: (*self.feed.informers, *self._of_policies), self._rests)
        finally:
            self._awaited -= 1
            if not self._awaited:
                self._is_awaited.clear()

    @property
    def _of_policies(self) -> tuple[Informer[Any], ...]:
        return self.policies.informers if self.policies is not None else ()

    def _rests(self) -> bool:
        has_news = self.feed.news.is_set() or not (self.policies is None or self.policies.is_settled)
        return not (self._is_at_work or has_news)

    async def wait_for_news(self) -> bool:
        """Wait until the API or this host changes, or a retry is due.

        Returns:
            Whether Services are concerned.
        """
        while not (self.feed.news.is_set() or self.feed.is_new):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._next_look() - time.monotonic()):
                    await self.feed.news.wait()
            if self._refusals.due() or (time.monotonic() >= self.host.next_look and await self.check_host()):
                return True
            if self.policies is not None and self.policies.is_due:
                break
        self.feed.news.clear()
        return self.feed.is_new

    def _next_look(self) -> float:
        """When to look up from waiting, by the monotonic clock."""
        return min(self.host.next_look, self._refusals.next_try, self.policies.next_try if self.policies else INFINITY)

    async def _first_policies(self) -> None:
        """Enforce policies before this node counts as ready, unless they cannot be read."""
        if self.policies is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLICY_WAIT):
                    while not self.policies.is_due:
                        await self.feed.news.wait()
                        self.feed.news.clear()
            await self.enforce_policies()

    async def enforce_policies(self) -> None:
        """Bring policies into the kernel, after the Services that they are about."""
        if self.policies is not None:
            self._is_at_work = True
            self.host.account_for(await self.policies.step())
            self._is_at_work = False

    async def check_host(self) -> bool:
        """Whether this host has changed since the last look: its rules by the hands of others, or its addresses."""
        has_foreign_changes = self.host.has_foreign_changes()
        if has_foreign_changes:
            for plane in self._planes:
                plane.invalidate()
                self.reports.metrics.foreign.labels(plane.family).inc()
            if self.policies is not None:
                self.policies.invalidate()
            self.reports.host_firewall(await chains_in_the_way())
        self.host.looked()
        return has_foreign_changes or await self.host.have_addresses_changed()

    async def step_until_done(self) -> None:
        self._is_at_work = True
        if lag := self._lag():
            await asyncio.sleep(lag)
        await self._step_until_done()
        self._is_at_work = False

    def _lag(self) -> float:
        return self._options.steering.faults.seconds("late-rules") if self._options.steering else 0.0

    async def _step_until_done(self) -> None:
        delay = FIRST_RETRY
        while True:
            try:
                return await self.step()
            except RulesError as error:
                log.warning("rules not changed, next attempt in %.1f s: %s", delay, error)
            except Exception:  # a fault of ours must not leave the node without a proxy
                log.exception("rules not changed, next attempt in %.1f s", delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LAST_RETRY)

    async def step(self) -> None:
        """One transaction for everything that has changed since the last."""
        await self.host.read_addresses()
        snapshot, changed = self.feed.take()
        changed |= self._refusals.due()
        self.reports.step_begins(snapshot)
        views = self._views(snapshot)
        held: dict[ObjectKey, str] = {}
        try:
            for plane, view in zip(self._planes, views, strict=True):
                self.host.account_for(await self._follow(plane, snapshot, changed, view))
                held |= plane.held
        except Exception:
            self.feed.give_back(changed)  # the planes that were not reached do not have these changes
            for plane in self._planes:
                plane.invalidate()
            raise
        self._refusals.tried(changed, held)
        await self.reports.step_done(changed, views)

    def _views(self, snapshot: ClusterSnapshot) -> list[NodeView]:
        name, node = self._options.node_name, snapshot.nodes.get(self._options.node_name)
        cidrs = self.feed.service_cidrs or self._options.settings.service_cidrs
        settings = msgspec.structs.replace(self._settings, service_cidrs=cidrs)
        return [view_node(settings, name, node, self.host.addresses, plane.family) for plane in self._planes]

    async def _follow(self, plane: Plane, snapshot: ClusterSnapshot, changed: set[ObjectKey], view: NodeView) -> int:
        is_full, metrics = plane.is_full_step(view), self.reports.metrics
        with metrics.step(plane.family, is_full=is_full) as report:
            done = await plane.follow(snapshot, changed, view)
            report(done.forgotten, done.seconds_to_forget)
        if done.rules:
            metrics.iptables_rules(plane.family, *done.rules)
        looked_at = {*snapshot.services, *changed} if is_full else changed
        self.reports.family_done(plane.family, snapshot, looked_at, plane.held, view)
        return done.transactions
