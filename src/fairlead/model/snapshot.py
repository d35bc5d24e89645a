"""One moment of the cluster, immutable and indexed.

A reader (a DNS answer, a forwarding plan, an explanation) holds one ``ClusterSnapshot`` from beginning to end, so that
it never straddles two states. A change makes a new snapshot that shares everything it does not touch: persistent hash
tries (``immutables.Map``) make that O(log n) for the object and for each index entry, whatever the cluster's size.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from immutables import Map

from fairlead.model.names import ObjectKey
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import EndpointSlice, Namespace, Node, Object, Pod, Service

K = TypeVar("K")
T = TypeVar("T")

Member = Object | NetworkPolicy
Slices = Map[str, EndpointSlice]
_NO_SLICES: Slices = Map()
_NO_COUNTS: Map[ObjectKey, int] = Map()
_NO_KEYS: frozenset[ObjectKey] = frozenset()


@dataclass(frozen=True)
class ClusterSnapshot:
    """Objects by key, and the indexes that answers need.

    Attributes:
        slices: EndpointSlices by the Service they are labelled for, then by slice name.
        slice_owners: the Service that each slice is filed under, by the slice's own key.
        services_by_ip: which Services have this cluster IP (more than one only while the API is being repaired).
        services_by_outside_ip: which Services ask for this address from outside: an external or load balancer's IP.
        services_by_endpoint: which Services have a slice that lists this address, with the number of such slices.
        pods_by_ip: which Pods claim this address.
    """

    namespaces: Map[str, Namespace] = field(default_factory=Map)
    services: Map[ObjectKey, Service] = field(default_factory=Map)
    slices: Map[ObjectKey, Slices] = field(default_factory=Map)
    slice_owners: Map[ObjectKey, ObjectKey] = field(default_factory=Map)
    nodes: Map[str, Node] = field(default_factory=Map)
    pods: Map[ObjectKey, Pod] = field(default_factory=Map)
    policies: Map[ObjectKey, NetworkPolicy] = field(default_factory=Map)
    services_by_ip: Map[str, frozenset[ObjectKey]] = field(default_factory=Map)
    services_by_outside_ip: Map[str, frozenset[ObjectKey]] = field(default_factory=Map)
    services_by_endpoint: Map[str, Map[ObjectKey, int]] = field(default_factory=Map)
    pods_by_ip: Map[str, frozenset[ObjectKey]] = field(default_factory=Map)

    @classmethod
    def of(cls, objects: Iterable[Member]) -> "ClusterSnapshot":
        """The snapshot of these objects, each of another kind or key; for many it is much cheaper than one by one."""
        by_type: dict[type, list[Any]] = {type_: [] for type_ in _PUT}
        for object_ in objects:
            by_type[type(object_)].append(object_)
        services, pods = by_type[Service], by_type[Pod]
        return cls(
            namespaces=Map({namespace.name: namespace for namespace in by_type[Namespace]}),
            services=Map({service.key: service for service in services}),
            nodes=Map({node.name: node for node in by_type[Node]}),
            pods=Map({pod.key: pod for pod in pods}),
            policies=Map({policy.key: policy for policy in by_type[NetworkPolicy]}),
            services_by_ip=_index((service.key, service.cluster_ips) for service in services),
            services_by_outside_ip=_index((service.key, service.outside_ips) for service in services),
            pods_by_ip=_index((pod.key, pod.ips) for pod in pods),
            **_filed(by_type[EndpointSlice]),
        )

    def slices_of(self, service: ObjectKey) -> Iterator[EndpointSlice]:
        """The EndpointSlices of a Service, in no particular order."""
        return iter(self.slices.get(service, _NO_SLICES).values())

    def with_object(self, new: Member) -> "ClusterSnapshot":
        """This snapshot with the object added, or put in place of the one that has its key."""
        return cast(ClusterSnapshot, _PUT[type(new)](self, new))

    def without_object(self, old: Member) -> "ClusterSnapshot":
        """This snapshot without the object that has this key and kind; itself when there is none."""
        return cast(ClusterSnapshot, _DROP[type(old)](self, old))

    def with_change(self, old: Member | None, new: Member | None) -> "ClusterSnapshot":
        """This snapshot after a change as listeners hear of it: old is None for an addition, new for a deletion."""
        if new is not None:
            return self.with_object(new)
        return self if old is None else self.without_object(old)


def _put_namespace(snapshot: ClusterSnapshot, new: Namespace) -> ClusterSnapshot:
    return replace(snapshot, namespaces=snapshot.namespaces.set(new.name, new))


def _drop_namespace(snapshot: ClusterSnapshot, old: Namespace) -> ClusterSnapshot:
    return replace(snapshot, namespaces=_without(snapshot.namespaces, old.name))


def _put_node(snapshot: ClusterSnapshot, new: Node) -> ClusterSnapshot:
    return replace(snapshot, nodes=snapshot.nodes.set(new.name, new))


def _drop_node(snapshot: ClusterSnapshot, old: Node) -> ClusterSnapshot:
    return replace(snapshot, nodes=_without(snapshot.nodes, old.name))


def _put_service(snapshot: ClusterSnapshot, new: Service) -> ClusterSnapshot:
    indexes = _reindex_service(snapshot, new.key, new.cluster_ips, new.outside_ips)
    return replace(snapshot, services=snapshot.services.set(new.key, new), **indexes)


def _drop_service(snapshot: ClusterSnapshot, old: Service) -> ClusterSnapshot:
    if old.key not in snapshot.services:
        return snapshot
    return replace(snapshot, services=snapshot.services.delete(old.key), **_reindex_service(snapshot, old.key, (), ()))


def _reindex_service(
    snapshot: ClusterSnapshot, key: ObjectKey, cluster_ips: tuple[str, ...], outside_ips: tuple[str, ...]
) -> dict[str, Any]:
    """The two indexes of Services, with the new addresses of one of them."""
    old = snapshot.services.get(key)
    before = (old.cluster_ips, old.outside_ips) if old else ((), ())
    return {
        "services_by_ip": _reindex(snapshot.services_by_ip, key, before[0], cluster_ips),
        "services_by_outside_ip": _reindex(snapshot.services_by_outside_ip, key, before[1], outside_ips),
    }


def _put_pod(snapshot: ClusterSnapshot, new: Pod) -> ClusterSnapshot:
    old = snapshot.pods.get(new.key)
    index = _reindex(snapshot.pods_by_ip, new.key, old.ips if old else (), new.ips)
    return replace(snapshot, pods=snapshot.pods.set(new.key, new), pods_by_ip=index)


def _drop_pod(snapshot: ClusterSnapshot, old: Pod) -> ClusterSnapshot:
    known = snapshot.pods.get(old.key)
    if known is None:
        return snapshot
    index = _reindex(snapshot.pods_by_ip, old.key, known.ips, ())
    return replace(snapshot, pods=snapshot.pods.delete(old.key), pods_by_ip=index)


def _put_policy(snapshot: ClusterSnapshot, new: NetworkPolicy) -> ClusterSnapshot:
    return replace(snapshot, policies=snapshot.policies.set(new.key, new))


def _drop_policy(snapshot: ClusterSnapshot, old: NetworkPolicy) -> ClusterSnapshot:
    return replace(snapshot, policies=_without(snapshot.policies, old.key))


def _put_slice(snapshot: ClusterSnapshot, new: EndpointSlice) -> ClusterSnapshot:
    if snapshot.slice_owners.get(new.key) != new.service_key:
        snapshot = _drop_slice(snapshot, new)
    service = new.service_key
    if service is None:
        return snapshot
    siblings = snapshot.slices.get(service, _NO_SLICES)
    index = _recount(snapshot.services_by_endpoint, service, siblings.get(new.name), new)
    return replace(
        snapshot,
        slices=snapshot.slices.set(service, siblings.set(new.name, new)),
        slice_owners=snapshot.slice_owners.set(new.key, service),
        services_by_endpoint=index,
    )


def _drop_slice(snapshot: ClusterSnapshot, old: EndpointSlice) -> ClusterSnapshot:
    # The label of a deleted or relabelled slice may differ from the one it was filed under.
    service = snapshot.slice_owners.get(old.key)
    if service is None:
        return snapshot
    index = _recount(snapshot.services_by_endpoint, service, snapshot.slices[service][old.name], None)
    siblings = snapshot.slices[service].delete(old.name)
    return replace(
        snapshot,
        slices=snapshot.slices.set(service, siblings) if siblings else snapshot.slices.delete(service),
        slice_owners=snapshot.slice_owners.delete(old.key),
        services_by_endpoint=index,
    )


_PUT: dict[type, Any] = {
    Namespace: _put_namespace,
    Service: _put_service,
    EndpointSlice: _put_slice,
    Pod: _put_pod,
    NetworkPolicy: _put_policy,
    Node: _put_node,
}
_DROP: dict[type, Any] = {
    Namespace: _drop_namespace,
    Service: _drop_service,
    EndpointSlice: _drop_slice,
    Pod: _drop_pod,
    NetworkPolicy: _drop_policy,
    Node: _drop_node,
}


def _filed(slices: Iterable[EndpointSlice]) -> dict[str, Map[Any, Any]]:
    """The three attributes of a snapshot that slices appear in."""
    by_service: dict[ObjectKey, dict[str, EndpointSlice]] = {}
    owners: dict[ObjectKey, ObjectKey] = {}
    counts: dict[str, Map[ObjectKey, int]] = {}
    for slice_ in slices:
        service = slice_.service_key
        if service is not None:
            by_service.setdefault(service, {})[slice_.name] = slice_
            owners[slice_.key] = service
            _count(counts, service, _addresses(slice_))
    by_name = {service: Map(siblings) for service, siblings in by_service.items()}
    return {"slices": Map(by_name), "slice_owners": Map(owners), "services_by_endpoint": Map(counts)}


def _count(counts: dict[str, Map[ObjectKey, int]], service: ObjectKey, addresses: Iterable[str]) -> None:
    """Count one slice of the service; most addresses are listed once, and then share one map of that."""
    once = _NO_COUNTS.set(service, 1)
    for address in addresses:
        known = counts.get(address)
        counts[address] = once if known is None else known.set(service, known.get(service, 0) + 1)


def _index(claims: Iterable[tuple[ObjectKey, tuple[str, ...]]]) -> Map[str, frozenset[ObjectKey]]:
    """The Services that claim each address."""
    index: dict[str, frozenset[ObjectKey]] = {}
    for key, addresses in claims:
        for address in addresses:
            index[address] = index.get(address, _NO_KEYS) | {key}
    return Map(index)


def _addresses(slice_: EndpointSlice | None) -> set[str]:
    return {address for e in slice_.endpoints or () for address in e.addresses} if slice_ else set()


def _recount(
    index: Map[str, Map[ObjectKey, int]],
    service: ObjectKey,
    old: EndpointSlice | None,
    new: EndpointSlice | None,
) -> Map[str, Map[ObjectKey, int]]:
    """Count, per address, how many slices of the service list it; touches only what differs between old and new."""
    before, after = _addresses(old), _addresses(new)
    once = _NO_COUNTS.set(service, 1)  # most addresses are listed once, and share this
    for address, step in [(a, -1) for a in before - after] + [(a, +1) for a in after - before]:
        counts = index.get(address, _NO_COUNTS)
        count = counts.get(service, 0) + step
        counts = counts.set(service, count) if count else counts.delete(service)
        index = index.set(address, once if counts == once else counts) if counts else index.delete(address)
    return index


def _reindex(
    index: Map[str, frozenset[ObjectKey]], key: ObjectKey, before: tuple[str, ...], after: tuple[str, ...]
) -> Map[str, frozenset[ObjectKey]]:
    """Move an object's key from its old addresses to its new ones."""
    for address in set(before) - set(after):
        rest = index[address] - {key}
        index = index.set(address, rest) if rest else index.delete(address)
    for address in set(after) - set(before):
        index = index.set(address, index.get(address, _NO_KEYS) | {key})
    return index


def _without(mapping: Map[K, T], key: K) -> Map[K, T]:
    return mapping.delete(key) if key in mapping else mapping
