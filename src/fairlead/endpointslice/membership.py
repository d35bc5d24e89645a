"""Which Pods are endpoints of a Service, and what each endpoint says.

A Pod belongs when it is in the Service's namespace, has every label of the selector, has an address and has not
finished. Readiness does not decide membership, only the conditions (KEP-1672); neither does termination. A Service
without a selector, or of type ExternalName, has no members: other programs write its slices.
Upstream: ``staging/src/k8s.io/endpointslice/utils.go`` (podToEndpoint, getEndpointPorts), ``pkg/api/v1/pod/util.go``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.labels import contains
from fairlead.model.objects import (
    Container,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    Node,
    ObjectReference,
    Pod,
    Service,
    ServicePort,
)

Ports = tuple[EndpointPort, ...]


class SliceMember(NamedTuple):
    """One endpoint and the ports that the Service's ports mean on its Pod; endpoints with equal ports share slices."""

    ports: Ports
    endpoint: Endpoint


class Membership(NamedTuple):
    """The endpoints of one Service in one family, and the Nodes that some Pods name but that do not exist."""

    members: tuple[SliceMember, ...]
    missing_nodes: frozenset[str]


def selects_pods(service: Service) -> bool:
    """Whether endpoints of this Service follow from a selector."""
    return bool(service.spec.selector) and not service.is_external_name


def is_selected(service: Service, pod: Pod) -> bool:
    """Whether the Pod is behind the Service, as far as labels, addresses and phase say."""
    selector = service.spec.selector
    if not selector or pod.namespace != service.namespace or not contains(pod.labels, selector):
        return False
    return bool(pod.ips) and not pod.is_finished


def families_of(service: Service) -> tuple[IPFamily, ...]:
    """The families for which the Service has slices; old objects without ``ipFamilies`` tell by their cluster IPs."""
    if service.spec.ip_families:
        return tuple(IPFamily(family) for family in service.spec.ip_families)
    return tuple(dict.fromkeys(map(family_of, service.cluster_ips))) or (IPFamily.IPV4, IPFamily.IPV6)


def find_members(
    service: Service, pods: Iterable[Pod], nodes: Mapping[str, Node] | None, family: IPFamily
) -> Membership:
    """The endpoints that the Service ought to have in one family, in order of Pod name.

    Args:
        nodes: all Nodes by name; None where nobody looks at Nodes, and then no endpoint has a zone.

    A Pod whose Node is gone is left out, since nothing can be said for it any more, unless the Service publishes
    whatever there is (upstream's ``reconcileByAddressType``).
    """
    selected = sorted((pod for pod in pods if is_selected(service, pod)), key=lambda pod: pod.name)
    known = nodes or {}
    lost = [pod for pod in selected if pod.spec.node_name and pod.spec.node_name not in known and nodes is not None]
    excluded = set() if service.spec.publish_not_ready_addresses else {pod.name for pod in lost}
    members = tuple(
        SliceMember(resolve_ports(service, pod), make_endpoint(service, pod, known.get(pod.spec.node_name), addresses))
        for pod in selected
        if pod.name not in excluded and (addresses := _addresses(pod, family))
    )
    return Membership(members, frozenset(pod.spec.node_name for pod in lost))


def _addresses(pod: Pod, family: IPFamily) -> tuple[str, ...]:
    return tuple(ip for ip in pod.ips if family_of(ip) is family)


def make_endpoint(service: Service, pod: Pod, node: Node | None, addresses: tuple[str, ...]) -> Endpoint:
    """The endpoint of a Pod. ``serving`` is the Pod's own word; ``ready`` is what the Service makes of it."""
    return Endpoint(
        addresses=addresses,
        conditions=_conditions(service, pod),
        hostname=pod.spec.hostname if _has_name_under(service, pod) else None,
        target_ref=ObjectReference(kind="Pod", namespace=pod.namespace, name=pod.name, uid=pod.metadata.uid),
        node_name=pod.spec.node_name or None,
        zone=node.zone if node else None,
    )


def _conditions(service: Service, pod: Pod) -> EndpointConditions:
    ready = service.spec.publish_not_ready_addresses or (pod.is_ready and not pod.is_terminating)
    return EndpointConditions(ready=ready, serving=pod.is_ready, terminating=pod.is_terminating)


def _has_name_under(service: Service, pod: Pod) -> bool:
    """Only the Service that the Pod's ``subdomain`` names publishes the Pod's host name (StatefulSet identity)."""
    return bool(pod.spec.hostname) and pod.spec.subdomain == service.name


def resolve_ports(service: Service, pod: Pod) -> Ports:
    """The Service's ports on this Pod. A name that the Pod does not know drops that port, not the Pod."""
    resolved = ((port, find_port(pod, port)) for port in service.spec.ports)
    return tuple(
        EndpointPort(name=port.name, protocol=port.protocol, port=number, app_protocol=port.app_protocol)
        for port, number in resolved
        if number is not None
    )


def find_port(pod: Pod, port: ServicePort) -> int | None:
    """The number that ``targetPort`` means on a Pod; None when it is a name that no container declares."""
    target = port.target_port
    if not isinstance(target, str):
        return target or port.port
    return next(
        (
            declared.container_port
            for container in _port_owners(pod)
            for declared in container.ports or ()
            if declared.name == target and declared.protocol == port.protocol
        ),
        None,
    )


def _port_owners(pod: Pod) -> Iterator[Container]:
    """Containers, then sidecars: init containers that stay (KEP-753)."""
    yield from pod.spec.containers
    yield from (c for c in pod.spec.init_containers or () if c.restart_policy == "Always")


def endpoint_facts(pod: Pod) -> tuple[object, ...]:
    """All of a Pod that endpoints are made of: while this stays equal, no slice changes."""
    return (
        pod.metadata.uid,
        pod.labels,
        pod.ips,
        pod.is_ready,
        pod.is_terminating,
        pod.is_finished,
        pod.spec,
    )
