"""The effect of a change in the cluster on DNS: the prepared answers that it outdates, the addresses that come and go.

A change that no answer can show (a label, a status, an annotation) outdates nothing and leaves the serial unchanged.
Only
the kinds that DNS reads are known here: Namespace, Service, EndpointSlice, Pod.
"""

from collections.abc import Callable
from typing import Any

from fairlead.clusterdns.records import Tag, address_tag, namespace_tag, service_tag
from fairlead.model.names import ObjectKey
from fairlead.model.objects import EndpointSlice, Namespace, Pod, Service

Watched = Namespace | Service | EndpointSlice | Pod

_NOTHING: frozenset[Tag] = frozenset()


def outdated(old: Watched | None, new: Watched | None) -> frozenset[Tag]:
    """The tags that are outdated when ``old`` has become ``new``; None means that the object does not exist."""
    known = new if new is not None else old
    assert known is not None
    shown, tags = _KINDS[type(known)]
    if old is not None and new is not None and shown(old) == shown(new):
        return _NOTHING
    return frozenset().union(*(tags(o) for o in (old, new) if o is not None))


def addresses(known: Watched | None) -> tuple[str, ...]:
    """The addresses (text) for which an object provides reverse names."""
    if isinstance(known, Service):
        return known.cluster_ips
    if isinstance(known, EndpointSlice) and known.service_key is not None:
        return tuple(e.addresses[0] for e in known.endpoints or () if e.is_ready and e.addresses)
    return ()


def _namespace_tags(namespace: Namespace) -> frozenset[Tag]:
    return frozenset((namespace_tag(namespace.name),))


def _service_shown(service: Service) -> Any:
    ports = tuple((p.name, p.protocol, p.port) for p in service.spec.ports)
    spec = service.spec
    shown = spec.type, spec.cluster_ip, service.cluster_ips, spec.external_name, ports
    # Labels may select which Services are shown; addresses from outside are those of ``k8s_external``.
    return shown, service.labels, spec.external_ips, service.status.load_balancer


def _service_tags(service: Service) -> frozenset[Tag]:
    return frozenset((service_tag(service.key), *map(address_tag, service.cluster_ips)))


def _slice_shown(slice_: EndpointSlice) -> Any:
    endpoints = tuple(
        (e.addresses, e.is_ready, e.hostname, e.target_ref and e.target_ref.name, e.zone)
        for e in slice_.endpoints or ()
    )
    return slice_.service_key, slice_.address_type, endpoints, slice_.ports


def _slice_tags(slice_: EndpointSlice) -> frozenset[Tag]:
    key: ObjectKey | None = slice_.service_key
    if key is None:
        return _NOTHING
    listed = (e.addresses[0] for e in slice_.endpoints or () if e.addresses)
    return frozenset((service_tag(key), *map(address_tag, listed)))


def _pod_shown(pod: Pod) -> Any:
    return pod.ips, pod.status.phase, pod.is_terminating


def _pod_tags(pod: Pod) -> frozenset[Tag]:
    return frozenset(map(address_tag, pod.ips))


_KINDS: dict[type, tuple[Callable[[Any], Any], Callable[[Any], frozenset[Tag]]]] = {
    Namespace: (lambda namespace: (namespace.name, namespace.labels), _namespace_tags),
    Service: (_service_shown, _service_tags),
    EndpointSlice: (_slice_shown, _slice_tags),
    Pod: (_pod_shown, _pod_tags),
}
