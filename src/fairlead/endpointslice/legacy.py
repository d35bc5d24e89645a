"""The Endpoints object of a Service with a selector, for clients that do not know slices.

It has the Service's primary family alone, leaves terminating Pods out unless the Service publishes whatever there is,
and holds a thousand addresses at most.
Upstream: ``pkg/controller/endpoint/endpoints_controller.go``.
"""

from collections.abc import Iterable, Mapping

from msgspec import structs

from fairlead.endpointslice.membership import families_of, find_members, selects_pods
from fairlead.endpointslice.subsets import Offer, pack_subsets, repack
from fairlead.model.endpoints import EndpointAddress, Endpoints, EndpointSubset
from fairlead.model.objects import HEADLESS_LABEL, TRIGGER_TIME_ANNOTATION, Endpoint, Metadata, Pod, Service

MANAGED_BY = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
MAX_ADDRESSES = 1000


def is_ours(endpoints: Endpoints) -> bool:
    """Whether they were made from a Service, not written by a user."""
    return endpoints.labels.items() >= MANAGED_BY.items()


def plan_endpoints(
    service: Service,
    pods: Iterable[Pod],
    existing: Endpoints | None,
    trigger_time: str | None = None,
) -> Endpoints | None:
    """The Endpoints to write (with a resource version: to replace), or None when what exists is right already."""
    if not selects_pods(service) or service.is_terminating:
        return None
    subsets, truncated = _truncate(_subsets(service, pods))
    labels = {key: value for key, value in service.labels.items() if key != HEADLESS_LABEL} | MANAGED_BY
    if not service.cluster_ips:
        labels[HEADLESS_LABEL] = ""
    if existing and repack(existing.subsets or ()) == subsets and existing.labels == labels:
        return None
    before = existing.metadata if existing else Metadata(service.name, service.namespace)
    annotations = _annotations(before.annotations or {}, truncated, trigger_time)
    return Endpoints(structs.replace(before, labels=labels, annotations=annotations or None), subsets)


def _annotations(present: Mapping[str, str], truncated: bool, trigger_time: str | None) -> dict[str, str]:
    kept = {key: value for key, value in present.items() if key not in (OVER_CAPACITY, TRIGGER_TIME_ANNOTATION)}
    if truncated:
        kept[OVER_CAPACITY] = "truncated"
    if trigger_time:
        kept[TRIGGER_TIME_ANNOTATION] = trigger_time
    return kept


def _subsets(service: Service, pods: Iterable[Pod]) -> tuple[EndpointSubset, ...]:
    wanted = [pod for pod in pods if service.spec.publish_not_ready_addresses or not pod.is_terminating]
    found = find_members(service, wanted, None, families_of(service)[0])
    return pack_subsets(
        Offer(_address(member.endpoint), member.endpoint.is_ready, member.ports)
        for member in found.members
        if member.ports or not service.spec.ports  # without any of its ports, a Pod is no endpoint here
    )


def _address(endpoint: Endpoint) -> EndpointAddress:
    return EndpointAddress(endpoint.addresses[0], endpoint.hostname, endpoint.node_name, endpoint.target_ref)


def _truncate(subsets: tuple[EndpointSubset, ...]) -> tuple[tuple[EndpointSubset, ...], bool]:
    """At most a thousand addresses, ready ones first, and whether any were left out."""
    room = MAX_ADDRESSES
    ready, unready = [], []
    for subset in subsets:
        ready.append((subset.addresses or ())[:room])
        room -= len(ready[-1])
    for subset in subsets:
        unready.append((subset.not_ready_addresses or ())[:room])
        room -= len(unready[-1])
    kept = tuple(
        EndpointSubset(some or None, others or None, subset.ports)
        for subset, some, others in zip(subsets, ready, unready, strict=True)
        if some or others
    )
    return kept, kept != subsets
