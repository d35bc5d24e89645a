"""The target of a client's name: through its search list to a Service, outside, or nowhere."""

from typing import NamedTuple

from fairlead.explain.doctor.ward import Ward
from fairlead.explain.documents import rows, text, texts
from fairlead.explain.references import ClientReference
from fairlead.explain.resolving import Resolver, resolver_of, tried_names
from fairlead.model.addresses import parse_ip
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service


class Resolved(NamedTuple):
    """The target of a reference: ``service`` or ``address``, or neither.

    Attributes:
        asked_outside: names for which servers outside are queried before the one that answers.
        endpoint: the endpoint's name before the Service's, if any.
        name: the full name that was found.
    """

    service: Service | None = None
    address: str = ""
    asked_outside: tuple[str, ...] = ()
    endpoint: str = ""
    name: str = ""


def resolver_for(ward: Ward, reference: ClientReference) -> Resolver:
    """The resolver of the Pod that a reference is in."""
    return resolver_of(ward.cluster, reference.namespace, reference.client.spec)


def resolve(ward: Ward, reference: ClientReference) -> Resolved:
    """The target of a reference."""
    host = _known_to_the_pod(reference)
    if parse_ip(host):
        return _address(ward, host)
    resolver = resolver_for(ward, reference)
    if not resolver.uses_cluster:
        return Resolved()
    outside: list[str] = []
    for name in tried_names(host, resolver):
        found = _service(ward, name)
        if found is not None:
            service, endpoint = found
            return Resolved(service, "", tuple(outside), endpoint, name)
        if not _is_ours(ward, name):
            outside.append(name)
    return Resolved(asked_outside=tuple(outside))


def _known_to_the_pod(reference: ClientReference) -> str:
    """The address of a name in the Pod's own ``/etc/hosts``, which comes before DNS; else the name."""
    host = reference.host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761, section 6.3
        return "127.0.0.1"
    for row in rows(reference.client.spec, "hostAliases"):
        if host in texts(row, "hostnames"):
            return text(row, "ip")
    return reference.host


def _is_ours(ward: Ward, name: str) -> bool:
    return name == ward.cluster.zone or name.endswith(f".{ward.cluster.zone}")


def _service(ward: Ward, name: str) -> tuple[Service, str] | None:
    """The Service of a full name, and the endpoint or port before it."""
    tail = f".svc.{ward.cluster.zone}"
    if not name.endswith(tail):
        return None
    *front, service, namespace = ("", *name.removesuffix(tail).split("."))[-4:]
    if not service or len(front) > 2:
        return None
    found = ward.cluster.snapshot.services.get(ObjectKey(namespace, service))
    return (found, front[-1] if front else "") if found else None


def _address(ward: Ward, address: str) -> Resolved:
    owners = ward.cluster.snapshot.services_by_ip.get(address)
    service = ward.cluster.snapshot.services.get(min(owners)) if owners else None
    return Resolved(service, address)
