"""Which node answers for a load balancer's address on the link that the nodes share.

Every node's announcer decides this independently, from the API's objects and from the announcements on the link, and
all get the same result. Candidates are ordered by a hash of node and address, so that addresses spread over the nodes,
and an address does not move when another node joins or leaves. The first candidate that is not silent answers. A node
that answers sends twice a second, so an announcer only watches the nodes that should answer.
The model is MetalLB's layer 2 mode (``speaker/layer2_controller.go``).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import chain

from fairlead.dataplane.health import is_node_eligible
from fairlead.model.addresses import family_of
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Endpoint, Node, Service
from fairlead.model.snapshot import ClusterSnapshot

EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
BEAT = 0.5  # seconds between two signs of life of a node that answers for something
SILENCE = 1.5  # seconds after which a node that ought to be heard counts as dead

Order = tuple[str, ...]


def may_announce(node: Node) -> bool:
    """Whether the node may answer for load balancers at all; upstream's service controller asks the same."""
    return node.is_ready and EXCLUDE_LABEL not in node.labels and is_node_eligible(node)


def standing(node: Node | None) -> tuple[bool, tuple[str, ...]]:
    """The fields of a node that matter to load balancers, without its heartbeats."""
    return (may_announce(node), node.internal_ips) if node else (False, ())


def announced_addresses(service: Service) -> tuple[str, ...]:
    """Addresses that nodes have to answer for; what is in ipMode Proxy is behind a load balancer of its own
    (KEP-1860)."""
    if service.spec.type != "LoadBalancer":
        return ()
    return tuple(point.ip for point in service.status.load_balancer.ingress if point.ip and point.ip_mode != "Proxy")


def goes_by_endpoints(service: Service) -> bool:
    """Whether it matters on which nodes the Service's endpoints are."""
    return service.spec.external_traffic_policy == "Local"


def candidates(snapshot: ClusterSnapshot, key: ObjectKey, address: str) -> Order:
    """The nodes that may answer for an address of a Service, the one that should answer first."""
    able = {name for name, node in snapshot.nodes.items() if may_announce(node)}
    service = snapshot.services[key]
    if goes_by_endpoints(service):
        able &= _nodes_with_endpoints(snapshot, key, address)
    return _ordered(able, address)


def together(orders: Iterable[Mapping[str, Order]]) -> dict[str, Order]:
    """The nodes that may answer for each address, whichever of the Services that share it they serve."""
    found: dict[str, Order] = {}
    for address, order in chain.from_iterable(each.items() for each in orders):
        known = found.get(address, order)
        found[address] = known if known == order else _ordered({*known, *order}, address)
    return found


def _ordered(nodes: Iterable[str], address: str) -> Order:
    return tuple(sorted(nodes, key=lambda node: sha256(f"{node}#{address}".encode()).digest()))


def _nodes_with_endpoints(snapshot: ClusterSnapshot, key: ObjectKey, address: str) -> set[str]:
    """Nodes with a ready endpoint; when there are none, those whose endpoints still serve while they end (KEP-1669)."""
    endpoints = list(_endpoints(snapshot, key, address))
    ready = {e.node_name for e in endpoints if e.is_ready and e.node_name}
    return ready or {e.node_name for e in endpoints if e.is_serving and e.is_terminating and e.node_name}


def _endpoints(snapshot: ClusterSnapshot, key: ObjectKey, address: str) -> Iterator[Endpoint]:
    family = family_of(address)
    slices = (slice_ for slice_ in snapshot.slices_of(key) if slice_.address_type == family)
    return chain.from_iterable(slice_.endpoints or () for slice_ in slices)


def watched(order: Order, silent: Collection[str]) -> Order:
    """The nodes that ought to be heard for an address: its candidates up to the first that is not silent."""
    for index, node in enumerate(order):
        if node not in silent:
            return order[: index + 1]
    return order


def chosen(order: Order, silent: Collection[str]) -> str | None:
    """The node that answers for an address; None when nobody can."""
    return next((node for node in order if node not in silent), None)


def silent_nodes(expected: Mapping[str, float], heard: Mapping[str, float], now: float) -> frozenset[str]:
    """The nodes that ought to be heard and are not.

    Args:
        expected: since when each ought to be heard, in seconds of any clock.
        heard: when each was heard last.
    """
    return frozenset(node for node, since in expected.items() if now - _last(node, since, heard) >= SILENCE)


def next_silence(expected: Mapping[str, float], heard: Mapping[str, float], silent: Collection[str]) -> float | None:
    """When another node will count as silent, if nothing is heard of it until then; None if nobody is waited for."""
    waiting: Iterable[str] = expected.keys() - silent
    return min((_last(node, expected[node], heard) + SILENCE for node in waiting), default=None)


def _last(node: str, since: float, heard: Mapping[str, float]) -> float:
    return max(since, heard.get(node, since))
