"""The objects that the proxy of a lab without namespaces watches, once for all nodes."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from fairlead.drivers.kube.client import ENDPOINT_SLICES, NODES, SERVICES, KubeClient
from fairlead.drivers.kube.informer import Informer
from fairlead.model.names import ObjectKey
from fairlead.model.objects import (
    HEADLESS_LABEL,
    PROXY_NAME_LABEL,
    EndpointSlice,
    Node,
    Object,
    Service,
)
from fairlead.model.snapshot import ClusterSnapshot


class FeedNews(NamedTuple):
    """The newest state, the Services that may have changed, and whether a Node has in what matters."""

    snapshot: ClusterSnapshot
    services: frozenset[ObjectKey]
    has_nodes: bool


def _matters(node: Node | None) -> object:
    """What of a Node decides about connections; its heartbeats do not."""
    if node is None:
        return None
    return node.internal_ips, node.zone, node.spec.pod_cidrs, node.spec.pod_cidr, node.is_ready, node.labels


class ClusterFeed:
    """Follows Services, their slices and all Nodes.

    Attributes:
        news: set whenever there is something to look at.
    """

    def __init__(self, client: KubeClient) -> None:
        self.news = asyncio.Event()
        self._snapshot = ClusterSnapshot()
        self._changed: set[ObjectKey] = set()
        self._has_nodes = False
        ours = {"labelSelector": f"!{PROXY_NAME_LABEL}"}
        with_virtual_ip = {"labelSelector": f"!{HEADLESS_LABEL}"}
        self.informers: tuple[Informer[Any], ...] = (
            Informer(client, SERVICES, Service, self._service_changed, ours),
            Informer(client, ENDPOINT_SLICES, EndpointSlice, self._slice_changed, with_virtual_ip),
            Informer(client, NODES, Node, self._node_changed),
        )

    def start(self, create_task: Callable[..., object]) -> None:
        """Follow until the tasks are cancelled."""
        for informer in self.informers:
            create_task(informer.run())

    async def wait_until_known(self) -> None:
        """Wait until all existing objects have been read."""
        for informer in self.informers:
            await informer.synced.wait()

    def take(self) -> FeedNews:
        """The changes since the last call."""
        self.news.clear()
        found = FeedNews(self._snapshot, frozenset(self._changed), self._has_nodes)
        self._changed, self._has_nodes = set(), False
        return found

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        self._note(old, new)
        self._changed |= {service.key for service in (old, new) if service}

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        self._note(old, new)
        self._changed |= {each.service_key for each in (old, new) if each and each.service_key}

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        if _matters(old) != _matters(new):
            self._has_nodes = True
            self._note(old, new)

    def _note(self, old: Object | None, new: Object | None) -> None:
        self._snapshot = self._snapshot.with_change(old, new)
        self.news.set()
