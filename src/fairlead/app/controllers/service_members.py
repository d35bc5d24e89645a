"""Services and the Pods behind them, indexed; tells which Services a change of a Service, Pod or Node concerns.

Shared by the controllers that write EndpointSlices and Endpoints. A change finds its Services by index, so that it
costs what it touches.
Upstream: ``staging/src/k8s.io/endpointslice/util/controller_utils.go`` (GetPodServiceMemberships and its callers).
"""

from collections.abc import Callable, Iterable, Mapping

from fairlead.app.controllers.watches import Watches
from fairlead.drivers.kube.client import NODES, PODS, SERVICES
from fairlead.endpointslice.membership import endpoint_facts
from fairlead.endpointslice.selector_index import SelectorIndex
from fairlead.endpointslice.topology import Shares, ZoneCapacity, is_automatic
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Node, Pod, Service, latest


class ServiceMembers:
    """The Services, Pods and Nodes of the cluster as endpoints are made of them.

    Attributes:
        watched: the collections that must be there in full before anything is concluded.
        nodes: all Nodes by name.
    """

    def __init__(self, watches: Watches) -> None:
        services, pods, nodes = watches.of(SERVICES, Service), watches.of(PODS, Pod), watches.of(NODES, Node)
        self.watched = (services, pods, nodes)
        self.nodes: dict[str, Node] = {}
        self._services: Mapping[ObjectKey, Service] = services.objects
        self._index = SelectorIndex()
        self._pods_on: dict[str, dict[ObjectKey, Pod]] = {}
        self._capacity = ZoneCapacity()
        self._automatic: set[ObjectKey] = set()  # Services whose hints depend on the capacity of all zones
        self._concerned: list[Callable[[ObjectKey], None]] = []
        services.listen(self._service_changed)
        pods.listen(self._pod_changed)
        nodes.listen(self._node_changed)

    def listen(self, concerned: Callable[[ObjectKey], None]) -> None:
        """Hear the key of every Service whose endpoints may have to change."""
        self._concerned.append(concerned)

    @property
    def shares(self) -> Shares:
        """What part of the cluster's CPUs each zone has."""
        return self._capacity.shares

    def service(self, key: ObjectKey) -> Service | None:
        return self._services.get(key)

    def pods_of(self, key: ObjectKey) -> list[Pod]:
        """The Pods that the Service's selector finds."""
        return self._index.pods_of(key)

    def pods_on(self, node: str) -> list[Pod]:
        """The Pods that are bound to a Node, whether or not it exists."""
        return list(self._pods_on.get(node, {}).values())

    def _tell(self, service: ObjectKey) -> None:
        for concerned in self._concerned:
            concerned(service)

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        service = latest(old, new)
        self._index.put_selector(service.key, new.spec.selector if new else None)
        (self._automatic.add if new and is_automatic(new) else self._automatic.discard)(service.key)
        self._tell(service.key)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        self._index.put_pod(old, new)
        if old:
            self._leave_node(old)
        if new:
            self._pods_on.setdefault(new.spec.node_name, {})[new.key] = new
        if not (old and new and endpoint_facts(old) == endpoint_facts(new)):
            self._tell_services_of(pod for pod in (old, new) if pod)

    def _leave_node(self, pod: Pod) -> None:
        neighbours = self._pods_on[pod.spec.node_name]
        del neighbours[pod.key]
        if not neighbours:
            del self._pods_on[pod.spec.node_name]

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        node = latest(old, new)
        if new:
            self.nodes[node.name] = new
        else:
            del self.nodes[node.name]
        if not (old and new and old.zone == new.zone):
            self._tell_services_of(self._pods_on.get(node.name, {}).values())
        if self._capacity.put(old, new):
            for service in self._automatic:
                self._tell(service)

    def _tell_services_of(self, pods: Iterable[Pod]) -> None:
        for pod in pods:
            for service in self._index.owners_of(pod):
                self._tell(service)
