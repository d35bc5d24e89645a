"""Follows the API, and has this node announce what it may serve.

Only a client of the API: Services, EndpointSlices and Nodes say who may serve an address. It follows the Services of
load balancers alone, and EndpointSlices only once one of them goes by where its Pods are: in a cluster without load
balancers it costs nothing. Which nodes those are is ``fairlead.dataplane.announcing``; how packets get there is
``layer2`` and ``bgp``; what packets to an announced address become is the proxy's.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from fairlead.allocation.load_balancer import AddressPool
from fairlead.app.announcer.bgp import Bgp, SessionMetrics
from fairlead.app.announcer.layer2 import Layer2
from fairlead.app.announcer.options import AnnouncerOptions
from fairlead.app.announcer.protocols import AnnouncementProtocol, Orders
from fairlead.bgp.session import SessionState, StateChanged
from fairlead.dataplane.announcing import (
    Order,
    announced_addresses,
    candidates,
    goes_by_endpoints,
    standing,
    together,
)
from fairlead.drivers.kube.client import ENDPOINT_SLICES, NODES, SERVICES, KubeClient
from fairlead.drivers.kube.event_recorder import EventWriter
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.kube.page_access import PageAccess
from fairlead.drivers.kube.watch_pages import watch_pages
from fairlead.drivers.linux.local_addresses import interface_with
from fairlead.model.events import EventText
from fairlead.model.names import ObjectKey
from fairlead.model.objects import HEADLESS_LABEL, EndpointSlice, Node, Object, Service
from fairlead.model.snapshot import ClusterSnapshot


async def run(options: AnnouncerOptions, ready: Callable[[], None]) -> None:
    """Serve until cancelled, and then withdraw, so that others answer at once.

    Raises:
        OSError: the link cannot be listened to.
    """
    async with KubeClient.from_kubeconfig(options.kubeconfig, part="announcer") as client:
        announcer, is_ready = Announcer(options, client), asyncio.Event()

        def all_read() -> None:
            is_ready.set()
            ready()

        access = PageAccess(client) if options.authorize_metrics else None
        async with watch_pages(options.http, announcer.informers, is_ready.is_set, [announcer.metrics], access):
            await announcer.run(all_read)


class Announcer:
    """Follows the API, and announces this node's addresses by each protocol."""

    def __init__(self, options: AnnouncerOptions, client: KubeClient) -> None:
        self._options = options
        self._pool = AddressPool(options.pools)
        self._snapshot = ClusterSnapshot()
        self._changed: set[ObjectKey] = set()
        self._nodes_changed = False
        self._news = asyncio.Event()
        self._orders: dict[ObjectKey, dict[str, Order]] = {}
        self._announced: dict[str, set[tuple[ObjectKey, str]]] = {}  # by protocol
        self._sessions: dict[str, StateChanged] = {}
        self._events = EventWriter(client)
        self._recorder = self._events.recorder("announcer")
        self._needs_slices = asyncio.Event()
        of_load_balancers = {"fieldSelector": "spec.type=LoadBalancer"}
        self._services = Informer(client, SERVICES, Service, self._service_changed, of_load_balancers)
        with_virtual_ip = {"labelSelector": f"!{HEADLESS_LABEL}"}
        self._slices = Informer(client, ENDPOINT_SLICES, EndpointSlice, self._slice_changed, with_virtual_ip)
        self._nodes = Informer(client, NODES, Node, self._node_changed)
        self.metrics = SessionMetrics()

    def informers(self) -> list[Informer[Any]]:
        """The informers that run now: slices are watched only if a Service needs them."""
        return [self._services, self._nodes, *([self._slices] if self._needs_slices.is_set() else ())]

    async def run(self, ready: Callable[[], None]) -> None:
        """Follow until cancelled; ``ready`` is called once everything that is there now is announced."""
        async with asyncio.TaskGroup() as tasks:
            for follow in (self._events.run, self._services.run, self._nodes.run, self._follow_slices):
                tasks.create_task(follow())
            await self._services.synced.wait()
            await self._nodes.synced.wait()
            if self._needs_slices.is_set():
                await self._slices.synced.wait()
            async with self._protocols() as protocols:
                self._step(protocols)
                ready()
                while True:
                    await self._wait(protocols)
                    self._step(protocols)

    async def _follow_slices(self) -> None:
        await self._needs_slices.wait()
        await self._slices.run()

    @asynccontextmanager
    async def _protocols(self) -> AsyncIterator[list[AnnouncementProtocol]]:
        """The configured protocols; they withdraw all addresses at the end."""
        protocols: list[AnnouncementProtocol] = []
        async with AsyncExitStack() as stack:
            if self._options.answers_on_link:
                link = Layer2(self._options.node_name, await self._interface(), _now, self._news.set)
                stack.callback(link.close)
                protocols.append(link)
            if self._options.bgp:
                await self._own_addresses()
                bgp = Bgp(self._options.bgp, self._options.node_name, self._addresses, self._session_changed)
                self.metrics.peers = bgp.peers
                stack.push_async_callback(bgp.close)
                bgp.step(self._order(), _now())  # so that the first update to a router is complete
                bgp.start()
                protocols.append(bgp)
            yield protocols

    async def _interface(self) -> str:
        """The interface of the nodes' link; waits for the Node to say which address it has there."""
        if self._options.interface:
            return self._options.interface
        while True:
            for address in await self._own_addresses():
                if found := await interface_with(address):
                    return found
            await self._hear()

    async def _own_addresses(self) -> tuple[str, ...]:
        """This Node's addresses, as soon as it says some."""
        while not self._addresses():
            await self._hear()
        return self._addresses()

    async def _hear(self) -> None:
        await self._news.wait()
        self._news.clear()

    def _addresses(self) -> tuple[str, ...]:
        node = self._snapshot.nodes.get(self._options.node_name)
        return node.internal_ips if node else ()

    async def _wait(self, protocols: Collection[AnnouncementProtocol]) -> None:
        """Wait until something has changed, or a protocol is due."""
        now = _now()
        moments = [moment for protocol in protocols if (moment := protocol.due(now)) is not None]
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(moments) - now) if moments else None):
                await self._news.wait()

    def _step(self, protocols: Collection[AnnouncementProtocol]) -> None:
        """Announce and withdraw addresses as the API and the protocols require now."""
        self._news.clear()
        orders, now = self._order(), _now()
        for protocol in protocols:
            self._record(protocol.protocol, protocol.step(orders, now))

    def _order(self) -> Orders:
        """The nodes that may serve each address; settled again where it may have changed."""
        changed = set(self._snapshot.services) if self._nodes_changed else self._changed
        self._changed, self._nodes_changed = set(), False
        for key in changed:
            service = self._snapshot.services.get(key)
            addresses = [ip for ip in announced_addresses(service) if self._pool.contains(ip)] if service else []
            if addresses:
                self._orders[key] = {address: candidates(self._snapshot, key, address) for address in addresses}
            else:
                self._orders.pop(key, None)
        return together(self._orders.values())

    def _record(self, protocol: str, addresses: Collection[str]) -> None:
        """Tell the Services that have come to be announced from here."""
        before = self._announced.get(protocol, set())
        now = {(key, ip) for key, orders in self._orders.items() for ip in orders if ip in addresses}
        self._announced[protocol] = now
        message = f'announcing from node "{self._options.node_name}" with protocol "{protocol}"'
        for key in sorted({key for key, _ in now - before}):
            self._recorder.record(self._snapshot.services[key], "v1", "Service", EventText("nodeAssigned", message))

    def _session_changed(self, router: str, change: StateChanged) -> None:
        """Tell the Node of a session that has come up, or ended, or could not be made for a new reason."""
        before = self._sessions.get(router)
        self._sessions[router] = change
        node = self._snapshot.nodes.get(self._options.node_name)
        if node is None or change == before:
            return
        if change.state == SessionState.ESTABLISHED:
            event = EventText("BGPSessionUp", f"BGP session with {router} is up: {change.reason}")
        else:
            event = EventText("BGPSessionDown", f"no BGP session with {router}: {change.reason}", "Warning")
        self._recorder.record(node, "v1", "Node", event)

    def _note(self, old: Object | None, new: Object | None) -> None:
        self._snapshot = self._snapshot.with_change(old, new)

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        self._note(old, new)
        if new and goes_by_endpoints(new):
            self._needs_slices.set()
        concerned = {service.key for service in (old, new) if service and announced_addresses(service)}
        self._mark(concerned)

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        self._note(old, new)
        keys = {slice_.service_key for slice_ in (old, new) if slice_}
        self._mark({key for key in keys if key in self._orders})

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        self._note(old, new)
        if standing(old) != standing(new):
            self._nodes_changed = True
            self._news.set()

    def _mark(self, keys: set[ObjectKey]) -> None:
        if keys:
            self._changed |= keys
            self._news.set()


def _now() -> float:
    return asyncio.get_running_loop().time()
