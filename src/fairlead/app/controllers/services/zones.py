"""The data of Nodes that endpoints need: the zone of each Node, and each zone's share of the cluster's CPUs."""

from collections.abc import Callable

from fairlead.app.controllers.indexes.node_pods import NodePods
from fairlead.app.controllers.indexes.service_members import ServiceMembers
from fairlead.app.controllers.watches import ControllerWatches
from fairlead.drivers.kube.client import NODES, SERVICES
from fairlead.endpointslice.topology import Shares, ZoneCapacity, is_automatic
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Node, Service, latest


class ServiceZones:
    """The Nodes as slices are made of them; ``concerned`` hears the key of each Service that a change of them concerns.

    Attributes:
        watched: the collection of all Nodes.
        nodes: all Nodes by name.
    """

    def __init__(
        self,
        watches: ControllerWatches,
        members: ServiceMembers,
        pods: NodePods,
        concerned: Callable[[ObjectKey], None],
    ) -> None:
        self.watched = watches.of(NODES, Node)
        self.nodes: dict[str, Node] = {}
        self._members, self._pods, self._concerned = members, pods, concerned
        self._capacity = ZoneCapacity()
        self._automatic: set[ObjectKey] = set()  # Services whose hints depend on the capacity of all zones
        watches.of(SERVICES, Service).listen(self._service_changed)
        self.watched.listen(self._node_changed)

    @property
    def shares(self) -> Shares:
        """Each zone's share of the cluster's CPUs."""
        return self._capacity.shares

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        service = latest(old, new)
        (self._automatic.add if new and is_automatic(new) else self._automatic.discard)(service.key)

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        node = latest(old, new)
        if new:
            self.nodes[node.name] = new
        else:
            del self.nodes[node.name]
        if not (old and new and old.zone == new.zone):
            for service in self._members.services_of(self._pods.on(node.name)):
                self._concerned(service)
        if self._capacity.put(old, new):
            for service in self._automatic:
                self._concerned(service)
