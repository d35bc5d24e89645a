"""The router in front of a lab's nodes: spreads connections to load balancers over all nodes that serve them.

Runs in the lab's outside, where it maintains equal-cost routes. It follows the same objects as announcers, and checks
the health of nodes as a cloud's load balancer does (``fairlead.dataplane.eligibility``). Without load balancers, it
checks no nodes.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fairlead.allocation.load_balancer import AddressPool
from fairlead.dataplane.announcing import announced_addresses, candidates, goes_by_endpoints, standing
from fairlead.dataplane.eligibility import CheckResult, Health, NodeCheck, check_of_node, check_of_service, eligible
from fairlead.drivers.kube.client import ENDPOINT_SLICES, NODES, SERVICES, KubeClient
from fairlead.drivers.kube.event_recorder import EventWriter
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.lab.http_status import http_status
from fairlead.drivers.lab.router import RouterTables
from fairlead.drivers.linux.netns import LinkError
from fairlead.model.addresses import IPFamily, family_of, first_of
from fairlead.model.events import EventText
from fairlead.model.names import ObjectKey
from fairlead.model.objects import HEADLESS_LABEL, EndpointSlice, Node, Object, Service
from fairlead.model.snapshot import ClusterSnapshot

NODE_PAUSE = 0.5  # seconds between two checks of a node; a dead one is noticed by two that are missed
SERVICE_PAUSE = 2.0  # of a Service on a node: the API reports endpoints faster
PATIENCE = 0.5  # seconds for an answer
AGAIN = 1.0  # seconds after which what the kernel refused is tried again

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RouterOptions:
    """How to route.

    Attributes:
        families: IP families of the lab, the primary one first.
        pools: CIDRs of the addresses.
    """

    kubeconfig: Path
    families: tuple[IPFamily, ...]
    pools: tuple[str, ...]


async def run(options: RouterOptions, ready: Callable[[], None]) -> None:
    """Route until cancelled; ``ready`` is called once everything that is there now is routed."""
    async with KubeClient.from_kubeconfig(options.kubeconfig, part="router") as client:
        await Router(options, client).run(ready)


class Router:
    """Follows the API and the health of nodes, and keeps the kernel's routes."""

    def __init__(self, options: RouterOptions, client: KubeClient) -> None:
        self._options, self._pool = options, AddressPool(options.pools)
        self._snapshot = ClusterSnapshot()
        self._news = asyncio.Event()
        self._answers: dict[NodeCheck, CheckResult] = {}
        self._checking: dict[NodeCheck, asyncio.Task[None]] = {}
        self._told: dict[ObjectKey, tuple[str, ...]] = {}
        self._events = EventWriter(client)
        self._recorder = self._events.recorder("router")
        self._needs_slices = asyncio.Event()
        of_load_balancers = {"fieldSelector": "spec.type=LoadBalancer"}
        self._services = Informer(client, SERVICES, Service, self._service_changed, of_load_balancers)
        with_virtual_ip = {"labelSelector": f"!{HEADLESS_LABEL}"}
        self._slices = Informer(client, ENDPOINT_SLICES, EndpointSlice, self._slice_changed, with_virtual_ip)
        self._nodes = Informer(client, NODES, Node, self._node_changed)

    async def run(self, ready: Callable[[], None]) -> None:
        """Follow until cancelled."""
        tables = await asyncio.to_thread(RouterTables, self._options.families, self._options.pools)
        async with asyncio.TaskGroup() as tasks:
            for follow in (self._events.run, self._services.run, self._nodes.run, self._follow_slices):
                tasks.create_task(follow())
            await self._services.synced.wait()
            await self._nodes.synced.wait()
            if self._needs_slices.is_set():
                await self._slices.synced.wait()
            await self._first_answers(tasks)
            is_ready = False
            while True:
                self._news.clear()
                is_done = await self._step(tables, tasks)
                if not is_ready:
                    ready()
                is_ready = True
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if is_done else AGAIN):
                        await self._news.wait()

    async def _follow_slices(self) -> None:
        await self._needs_slices.wait()
        await self._slices.run()

    async def _first_answers(self, tasks: asyncio.TaskGroup) -> None:
        """Begin the checks, and let each be answered once; what a router before this one did goes on meanwhile."""
        self._check({key: dict(self._serving(key)) for key in self._snapshot.services}, tasks)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while self._checking.keys() - self._answers.keys():
                    self._news.clear()
                    await self._news.wait()

    async def _step(self, tables: RouterTables, tasks: asyncio.TaskGroup) -> bool:
        """Write the kernel's routes; returns whether that succeeded."""
        serving = {key: dict(self._serving(key)) for key in self._snapshot.services}
        self._check(serving, tasks)
        chosen = {key: self._chosen(key, nodes) for key, nodes in serving.items() if nodes}
        try:
            await asyncio.to_thread(tables.set, self._ways(chosen), self._answering(serving))
        except LinkError as error:
            log.warning("routes to load balancers: %s", error)
            await asyncio.to_thread(tables.read)
            return False
        self._record(chosen)
        return True

    def _serving(self, key: ObjectKey) -> Iterator[tuple[str, NodeCheck]]:
        """The nodes that may serve a Service, by the API, and where each is asked after its health."""
        for address in self._addresses(key):
            for name in candidates(self._snapshot, key, address):
                if check := check_of_node(self._snapshot.nodes[name], self._options.families):
                    yield name, check

    def _addresses(self, key: ObjectKey) -> list[str]:
        return [ip for ip in announced_addresses(self._snapshot.services[key]) if self._pool.contains(ip)]

    def _chosen(self, key: ObjectKey, nodes: Mapping[str, NodeCheck]) -> tuple[str, ...]:
        """The nodes that get new connections to a Service."""
        rows = ((name, self._health(check), self._health_of(key, check)) for name, check in nodes.items())
        return tuple(sorted(eligible(rows)))

    def _health(self, check: NodeCheck) -> Health:
        return self._answers.get(check, CheckResult()).health

    def _health_of(self, key: ObjectKey, of_node: NodeCheck) -> Health:
        check = check_of_service(self._snapshot.services[key], of_node)
        return self._health(check) if check else Health.HEALTHY

    def _ways(self, chosen: Mapping[ObjectKey, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """The nodes' addresses by load balancers' addresses; those of all Services that share one."""
        found: dict[str, set[str]] = {}
        for key, names in chosen.items():
            for address in self._addresses(key):
                able = [name for name in candidates(self._snapshot, key, address) if name in names]
                hops = (first_of(family_of(address), self._snapshot.nodes[name].internal_ips) for name in able)
                found.setdefault(address, set()).update(hop for hop in hops if hop)
        return {address: tuple(sorted(hops)) for address, hops in found.items()}

    def _answering(self, serving: Mapping[ObjectKey, Mapping[str, NodeCheck]]) -> dict[str, bool]:
        """All nodes by their addresses, and whether there is any use in sending there what they know already."""
        if not any(serving.values()):
            return {}
        found = {}
        for node in self._snapshot.nodes.values():
            check = check_of_node(node, self._options.families)
            is_there = check is not None and self._health(check) != Health.SILENT
            for family in self._options.families:
                if address := first_of(family, node.internal_ips):
                    found[address] = is_there
        return found

    def _check(self, serving: Mapping[ObjectKey, Mapping[str, NodeCheck]], tasks: asyncio.TaskGroup) -> None:
        """Go on with, begin and end checks."""
        wanted = {check: NODE_PAUSE for nodes in serving.values() for check in nodes.values()}
        if wanted:  # nodes that serve nothing new may have connections
            of_nodes = (check_of_node(node, self._options.families) for node in self._snapshot.nodes.values())
            wanted |= {check: NODE_PAUSE for check in of_nodes if check}
        for key, nodes in serving.items():
            for of_node in nodes.values():
                if check := check_of_service(self._snapshot.services[key], of_node):
                    wanted[check] = SERVICE_PAUSE
        for check in self._checking.keys() - wanted.keys():
            self._checking.pop(check).cancel()
            self._answers.pop(check, None)
        for check in wanted.keys() - self._checking.keys():
            self._checking[check] = tasks.create_task(self._ask(check, wanted[check]))

    async def _ask(self, check: NodeCheck, pause: float) -> None:
        while True:
            before = self._answers.get(check, CheckResult())
            status = await http_status(check.address, check.port, "/healthz", PATIENCE)
            self._answers[check] = before.after(status)
            if self._answers[check].health != before.health:
                log.info("node %s, port %d: %s", check.address, check.port, self._answers[check].health.name.lower())
                self._news.set()
            await asyncio.sleep(pause)

    def _record(self, chosen: Mapping[ObjectKey, tuple[str, ...]]) -> None:
        """Tell Services where connections to them go, when that is somewhere else."""
        for key, names in chosen.items():
            if names and names != self._told.get(key):
                plural = "s" if len(names) > 1 else ""
                told = ", ".join(f'"{name}"' for name in names)
                event = EventText("nodeAssigned", f'announcing from node{plural} {told} with protocol "routes"')
                self._recorder.record(self._snapshot.services[key], "v1", "Service", event)
        self._told = dict(chosen)

    def _note(self, old: Object | None, new: Object | None) -> None:
        self._snapshot = self._snapshot.with_change(old, new)

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        self._note(old, new)
        if new and goes_by_endpoints(new):
            self._needs_slices.set()
        self._news.set()

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        self._note(old, new)
        if any(slice_.service_key in self._snapshot.services for slice_ in (old, new) if slice_):
            self._news.set()

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        self._note(old, new)
        if standing(old) != standing(new):
            self._news.set()
