"""The objects that add nothing to a node's rules, and why: the warnings of ``fairlead rules``."""

from collections.abc import Iterable, Iterator

import msgspec

from fairlead.dataplane.forwarding import Fate, NodeView, PortPlan, plan_service
from fairlead.dataplane.ownership import usurpations
from fairlead.model.addresses import EVERY_ADDRESS, family_of
from fairlead.model.objects import HEADLESS_LABEL, PROXY_NAME_LABEL, EndpointPort, EndpointSlice, Service
from fairlead.model.snapshot import ClusterSnapshot

SERVICE_LABEL = "kubernetes.io/service-name"
NO_CLUSTER_IP = "has no clusterIP: the API server gives it one, in a manifest it has to be named"


def complaints(snapshot: ClusterSnapshot, view: NodeView) -> Iterator[str]:
    """A line for each object that adds nothing, and for each port of a Service that has no endpoint."""
    name = view.place.node
    if name not in snapshot.nodes:
        yield f"Node {name} is not there: its addresses, its zone and its Pods' network are not known"
    for key in sorted(snapshot.services):
        for text in _of_service(snapshot, snapshot.services[key], view):
            yield f"Service {key}: {text}"
    for owner in sorted(snapshot.slices):
        for slice_ in sorted(snapshot.slices_of(owner), key=lambda s: s.name):
            for text in _of_slice(snapshot, slice_, view):
                yield f"EndpointSlice {slice_.key}: {text}"


def _of_service(snapshot: ClusterSnapshot, service: Service, view: NodeView) -> Iterator[str]:
    if reason := _not_forwarded(service, view):
        yield reason
        if reason is not NO_CLUSTER_IP:
            return
        service = _with_some_address(service, view)
        snapshot = snapshot.with_object(service)
    for address, owner in usurpations(snapshot, service):
        yield f"is not served at {address}, the cluster IP of {owner}"
    slices = list(snapshot.slices_of(service.key))
    for plan in plan_service(snapshot, service.key, view):
        if plan.internal is Fate.REJECT:
            yield f"{_port(plan)} is refused: {_without_endpoints(slices, plan, view)}"


def _with_some_address(service: Service, view: NodeView) -> Service:
    """The Service as if it had a cluster IP, to see what else it lacks."""
    spec = msgspec.structs.replace(service.spec, cluster_ip=EVERY_ADDRESS[view.family])
    return msgspec.structs.replace(service, spec=spec)


def _not_forwarded(service: Service, view: NodeView) -> str:
    """Why a Service is none of a node proxy's business; "" for one that is."""
    left_to = service.labels.get(PROXY_NAME_LABEL)
    has_address = any(family_of(ip) == view.family for ip in service.cluster_ips)
    reasons = {
        "is of type ExternalName, which DNS alone answers for": service.is_external_name,
        "is headless: it has no virtual IP to forward": service.is_headless,
        f"is left to the proxy {left_to!r} by its label {PROXY_NAME_LABEL}": left_to is not None,
        f"is left alone for its label {HEADLESS_LABEL}": HEADLESS_LABEL in service.labels,
        NO_CLUSTER_IP: not service.cluster_ips,
        f"has no {view.family} cluster IP": not has_address,
        "has no ports": not service.spec.ports,
    }
    return next((reason for reason, is_so in reasons.items() if is_so), "")


def _port(plan: PortPlan) -> str:
    name = plan.port.name
    return f"port {name.port or plan.port.port}/{name.protocol}"


def _without_endpoints(slices: list[EndpointSlice], plan: PortPlan, view: NodeView) -> str:
    if not slices:
        return f"no EndpointSlice has the label {SERVICE_LABEL}: {plan.port.name.service.name}"
    fitting = [s for s in slices if s.address_type == view.family]
    if not fitting:
        return f"its EndpointSlices are of address type {_join({s.address_type for s in slices})}, not {view.family}"
    wanted = (plan.port.name.port, plan.port.name.protocol)
    with_port = [s for s in fitting if wanted in {_port_key(port) for port in s.ports or ()}]
    if not with_port:
        return _port_does_not_fit(fitting, wanted)
    if not any(slice_.endpoints for slice_ in with_port):
        return "its EndpointSlices have no endpoints"
    return "no endpoint of it is ready, or serving while it terminates"


def _port_key(port: EndpointPort) -> tuple[str, str]:
    return port.name or "", port.protocol or "TCP"


def _port_does_not_fit(slices: list[EndpointSlice], wanted: tuple[str, str]) -> str:
    """Ports of slices are found by name and protocol, not by number."""
    there = {_port_key(port) for slice_ in slices for port in slice_.ports or ()}
    has = f"have {_join(map(_spell, sorted(there)))}" if there else "have no ports"
    return f"its EndpointSlices {has}, and none {_spell(wanted)}"


def _spell(port: tuple[str, str]) -> str:
    name, protocol = port
    return f"port {name!r}/{protocol}" if name else f"a port without a name/{protocol}"


def _join(texts: Iterable[str]) -> str:
    return ", ".join(sorted(texts))


def _of_slice(snapshot: ClusterSnapshot, slice_: EndpointSlice, view: NodeView) -> Iterator[str]:
    if slice_.service_key not in snapshot.services:
        yield f"there is no Service {slice_.service_key}"
    elif slice_.address_type not in ("IPv4", "IPv6"):
        yield f"is of address type {slice_.address_type}, which is not forwarded"
    elif HEADLESS_LABEL in slice_.labels:
        yield f"is left alone for its label {HEADLESS_LABEL}"
    elif slice_.address_type == view.family and any(len(e.addresses) > 1 for e in slice_.endpoints or ()):
        yield "an endpoint has several addresses: the first counts, the others are not used"
