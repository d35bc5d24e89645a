"""Makes node ports and load balancers' ports answer on this machine's loopback (``fairlead up --publish``).

Runs in the lab's outside, so that its connections are treated as those of any client there. The host process provides
the listeners, one for each port of a Service; a port that could not be bound is reported and left out.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairlead.app.lab.listeners import LOOPBACK
from fairlead.app.lab.published_ports import Door, published_doors, write_published
from fairlead.dataplane.announcing import candidates
from fairlead.drivers.kube.client import ENDPOINT_SLICES, NODES, SERVICES, KubeClient
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.lab import control_socket
from fairlead.drivers.lab.relay import RELAYS, Close
from fairlead.model.addresses import IPFamily, first_of
from fairlead.model.names import ObjectKey
from fairlead.model.objects import HEADLESS_LABEL, EndpointSlice, Node, Object, Service
from fairlead.model.snapshot import ClusterSnapshot

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublishOptions:
    """The options of the publisher.

    Attributes:
        host: the control socket of the host process.
        table: file that lists the published ports; see ``app.lab.published_ports``.
        report: called with ``{"note": text}`` when a port could not be bound.
    """

    kubeconfig: Path
    host: Path
    table: Path
    report: Callable[[dict[str, Any]], None]


async def run(options: PublishOptions, ready: Callable[[], None]) -> None:
    """Serve until cancelled; ``ready`` is called when what is there now is published."""
    async with KubeClient.from_kubeconfig(options.kubeconfig, part="publisher") as client:
        await Publisher(options, client).run(ready)


class Publisher:
    """Follows the Services, and keeps a listener for each of their doors."""

    def __init__(self, options: PublishOptions, client: KubeClient) -> None:
        self._options = options
        self._snapshot = ClusterSnapshot()
        self._changed: set[ObjectKey] = set()
        self._news = asyncio.Event()
        self._open: dict[ObjectKey, dict[Door, tuple[int, Close]]] = {}
        self._services = Informer(client, SERVICES, Service, self._service_changed)
        with_virtual_ip = {"labelSelector": f"!{HEADLESS_LABEL}"}
        self._slices = Informer(client, ENDPOINT_SLICES, EndpointSlice, self._note, with_virtual_ip)
        self._nodes = Informer(client, NODES, Node, self._note)

    async def run(self, ready: Callable[[], None]) -> None:
        """Follow until cancelled."""
        informers = (self._services, self._slices, self._nodes)
        async with asyncio.TaskGroup() as tasks:
            for informer in informers:
                tasks.create_task(informer.run())
            for informer in informers:
                await informer.synced.wait()
            await self._step()
            ready()
            while True:
                await self._news.wait()
                await self._step()

    async def _step(self) -> None:
        self._news.clear()
        changed, self._changed = self._changed, set()
        for key in sorted(changed):
            await self._follow(key)
        if changed:
            self._write_table()

    async def _follow(self, key: ObjectKey) -> None:
        """Open and close what a Service has gained and lost."""
        service = self._snapshot.services.get(key)
        wanted = published_doors(service) if service else []
        known = self._open.setdefault(key, {})
        for door in known.keys() - set(wanted):
            known.pop(door)[1]()
        for door in wanted:
            if door not in known:
                known[door] = await self._publish(door)
        if not known:
            del self._open[key]

    async def _publish(self, door: Door) -> tuple[int, Close]:
        request = {"op": "listen", "protocol": door.protocol, "port": door.port, "flexible": bool(door.address)}
        try:
            reply = await asyncio.to_thread(control_socket.ask, self._options.host, request)
        except control_socket.RequestRefused as error:
            self._options.report({"note": f"{door.service}, {door.outside}, is not published: {error}"})
            return 0, lambda: None
        listener = socket.socket(fileno=reply.descriptors[0])
        close = await RELAYS[door.protocol](listener, lambda: self._targets(door))
        log.info("%s, %s, answers on %s:%d", door.service, door.outside, LOOPBACK, reply.document["port"])
        return int(reply.document["port"]), close

    def _targets(self, door: Door) -> Sequence[tuple[str, int]]:
        """The current targets of a door; nodes in the order in which they would announce an address."""
        if door.address:
            return [(door.address, door.port)]
        if door.service not in self._snapshot.services:
            return []
        nodes = (self._snapshot.nodes[name] for name in candidates(self._snapshot, door.service, LOOPBACK))
        addresses = [first_of(IPFamily.IPV4, node.internal_ips) for node in nodes]
        return [(address, door.port) for address in addresses if address]

    def _write_table(self) -> None:
        ports = {door: port for doors in self._open.values() for door, (port, _) in doors.items()}
        write_published(self._options.table, ports)

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        self._note(old, new)
        self._changed.update(service.key for service in (old, new) if service)
        self._news.set()

    def _note(self, old: Object | None, new: Object | None) -> None:
        self._snapshot = self._snapshot.with_change(old, new)
