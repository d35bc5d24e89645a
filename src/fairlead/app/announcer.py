"""The announcer's process: answers on the nodes' link for the load balancers' addresses that fall to this node.

Only a client of the API: Services, EndpointSlices and Nodes say who may answer, signs of life on the link say who can.
It follows the Services of load balancers alone, and EndpointSlices only once one of them goes by where its Pods are: in
a cluster without load balancers it costs nothing.
Which node answers is ``fairlead.dataplane.announcing``; what packets to an answered address become is the proxy's.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from fairlead.allocation.load_balancer import Pool
from fairlead.dataplane.announcing import (
    BEAT,
    SILENCE,
    Order,
    announced_addresses,
    candidates,
    chosen,
    goes_by_endpoints,
    may_announce,
    next_silence,
    silent_nodes,
    watched,
)
from fairlead.drivers.kube.client import ENDPOINT_SLICES, NODES, SERVICES, KubeClient
from fairlead.drivers.kube.event_recorder import EventWriter, Happening
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.kube.watch_pages import Address, watch_pages
from fairlead.drivers.linux.announcing_link import Link, Sign
from fairlead.drivers.linux.local_addresses import interface_with
from fairlead.model.names import ObjectKey
from fairlead.model.objects import HEADLESS_LABEL, EndpointSlice, Node, Object, Service
from fairlead.model.snapshot import ClusterSnapshot

REPEATED = 5.0  # seconds for which a new address is announced again and again, since a frame may be lost


@dataclass(frozen=True)
class AnnouncerOptions:
    """How to run an announcer.

    Attributes:
        node_name: the Node that this is.
        pools: CIDRs of the addresses that it may answer for; others are somebody else's.
        interface: the nodes' link; None: the one that has the Node's InternalIP.
        kubeconfig: path; None looks where kubectl looks.
        http: address and port of ``/healthz``, ``/readyz`` and ``/metrics``; None for none.
    """

    node_name: str
    pools: tuple[str, ...]
    interface: str | None = None
    kubeconfig: str | None = None
    http: Address | None = None


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

        async with watch_pages(options.http, announcer.informers, is_ready.is_set):
            await announcer.run(all_read)


class Announcer:
    """Follows the API and the link, and answers for what falls to this node."""

    def __init__(self, options: AnnouncerOptions, client: KubeClient) -> None:
        self._options = options
        self._pool = Pool(options.pools)
        self._snapshot = ClusterSnapshot()
        self._changed: set[ObjectKey] = set()
        self._nodes_changed = False
        self._news = asyncio.Event()
        self._orders: dict[ObjectKey, dict[str, Order]] = {}
        self._expected: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._silent: frozenset[str] = frozenset()
        self._answered: dict[str, float] = {}  # addresses, and since when hosts are told of them
        self._events = EventWriter(client)
        self._recorder = self._events.recorder("announcer")
        self._needs_slices = asyncio.Event()
        of_load_balancers = {"fieldSelector": "spec.type=LoadBalancer"}
        self._services = Informer(client, SERVICES, Service, self._service_changed, of_load_balancers)
        with_virtual_ip = {"labelSelector": f"!{HEADLESS_LABEL}"}
        self._slices = Informer(client, ENDPOINT_SLICES, EndpointSlice, self._slice_changed, with_virtual_ip)
        self._nodes = Informer(client, NODES, Node, self._node_changed)

    def informers(self) -> list[Informer[Any]]:
        """Those that watch by now: slices are needed by few Services."""
        return [self._services, self._nodes, *([self._slices] if self._needs_slices.is_set() else ())]

    async def run(self, ready: Callable[[], None]) -> None:
        """Follow until cancelled; ``ready`` is called once everything that is there now is answered for."""
        async with asyncio.TaskGroup() as tasks:
            for follow in (self._events.run, self._services.run, self._nodes.run, self._follow_slices):
                tasks.create_task(follow())
            await self._services.synced.wait()
            await self._nodes.synced.wait()
            if self._needs_slices.is_set():
                await self._slices.synced.wait()
            with self._link(await self._interface()) as link:
                self._step(link)
                ready()
                while True:
                    await self._wait()
                    self._step(link)

    async def _follow_slices(self) -> None:
        await self._needs_slices.wait()
        await self._slices.run()

    @contextmanager
    def _link(self, interface: str) -> Iterator[Link]:
        link = Link(interface, self._take_sign)
        try:
            yield link
        finally:
            link.tell(Sign.LEAVING, self._options.node_name)
            link.close()

    async def _interface(self) -> str:
        """The interface of the nodes' link; waits for the Node to say which address it has there."""
        if self._options.interface:
            return self._options.interface
        while True:
            node = self._snapshot.nodes.get(self._options.node_name)
            for address in node.internal_ips if node else ():
                if found := await interface_with(address):
                    return found
            await self._news.wait()
            self._news.clear()

    async def _wait(self) -> None:
        """Until something has changed, a sign of life is due, or somebody has been silent for too long."""
        now = _now()
        moments = [next_silence(self._expected, self._heard, self._silent), now + BEAT if self._answered else None]
        due = min((moment for moment in moments if moment is not None), default=None)
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(0.0, due - now)):
                await self._news.wait()

    def _step(self, link: Link) -> None:
        """Do what the API and the link call for by now."""
        self._news.clear()
        now = _now()
        self._reorder()
        self._listen(now)
        mine = {
            address: key
            for key, orders in self._orders.items()
            for address, order in orders.items()
            if chosen(order, self._silent) == self._options.node_name
        }
        gained, lost = mine.keys() - self._answered.keys(), self._answered.keys() - mine.keys()
        self._answered = {address: self._answered.get(address, now) for address in mine}
        link.answer_for(mine)
        if mine:
            link.tell(Sign.ALIVE, self._options.node_name)
        for address in lost:
            link.tell(Sign.YIELDED, address)
        self._announce(link, now)
        for address in sorted(gained):
            self._record(mine[address])

    def _announce(self, link: Link, now: float) -> None:
        for address, since in self._answered.items():
            if now - since < REPEATED:
                link.announce(address)

    def _reorder(self) -> None:
        """Order the candidates again where they may have changed."""
        changed = set(self._snapshot.services) if self._nodes_changed else self._changed
        self._changed, self._nodes_changed = set(), False
        for key in changed:
            service = self._snapshot.services.get(key)
            addresses = [ip for ip in announced_addresses(service) if self._pool.contains(ip)] if service else []
            if addresses:
                self._orders[key] = {address: candidates(self._snapshot, key, address) for address in addresses}
            else:
                self._orders.pop(key, None)

    def _listen(self, now: float) -> None:
        """Settle who ought to be heard and who is silent: that one is silent makes the next one be expected."""
        while True:
            orders = (order for orders in self._orders.values() for order in orders.values())
            awaited = {node for order in orders for node in watched(order, self._silent)} - {self._options.node_name}
            self._expected = {node: self._expected.get(node, now) for node in awaited}
            silent = silent_nodes(self._expected, self._heard, now)
            if silent == self._silent:
                return
            self._silent = silent

    def _take_sign(self, sign: Sign, about: str) -> None:
        match sign:
            case Sign.ALIVE:
                self._heard[about] = _now()
                if about in self._silent:
                    self._news.set()
            case Sign.LEAVING if about in self._expected:  # as if it had been silent for long
                self._heard[about] = self._expected[about] = _now() - SILENCE
                self._news.set()
            case Sign.YIELDED if about in self._answered:  # hosts have learned that the other has it
                self._answered[about] = _now()
                self._news.set()

    def _record(self, key: ObjectKey) -> None:
        message = f'announcing from node "{self._options.node_name}" with protocol "layer2"'
        self._recorder.record(self._snapshot.services[key], "v1", "Service", Happening("nodeAssigned", message))

    def _note(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self._snapshot = self._snapshot.with_object(new)
        elif old is not None:
            self._snapshot = self._snapshot.without_object(old)

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
        if _standing(old) != _standing(new):
            self._nodes_changed = True
            self._news.set()

    def _mark(self, keys: set[ObjectKey]) -> None:
        if keys:
            self._changed |= keys
            self._news.set()


def _standing(node: Node | None) -> tuple[bool, tuple[str, ...]]:
    """What of a node matters here; its heartbeats do not."""
    return (may_announce(node), node.internal_ips) if node else (False, ())


def _now() -> float:
    return asyncio.get_running_loop().time()
