"""Whether several Services may have one load balancer's address, on different ports.

They may when their annotation ``fairlead.dev/allow-shared-ip`` has the same value, no port of the one is a port of the
other, and a packet to the address may go to the same nodes for both: with ``externalTrafficPolicy: Cluster`` to any,
with ``Local`` to those of the same Pods. The rule is MetalLB's (``internal/allocator``), the selector being that of one
namespace.
"""

from collections.abc import Collection
from typing import NamedTuple

from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service

ANNOTATION = "fairlead.dev/allow-shared-ip"
EVERY_NODE = "every node"


class AddressClaim(NamedTuple):
    """The fields of a Service that decide which load balancer address it can have.

    Attributes:
        key: the value of the annotation; "" when it does not share.
        ports: as ``80/TCP``.
        nodes: what decides which nodes serve it; equal for Services that the same nodes serve.
    """

    service: ObjectKey
    key: str
    ports: frozenset[str]
    nodes: str


def claim_of(service: Service) -> AddressClaim:
    """The claim of a Service."""
    ports = frozenset(f"{port.port}/{port.protocol}" for port in service.spec.ports or ())
    return AddressClaim(service.key, service.annotations.get(ANNOTATION, ""), ports, _nodes(service))


def _nodes(service: Service) -> str:
    if service.spec.external_traffic_policy != "Local":
        return EVERY_NODE
    if not service.spec.selector:  # its endpoints are written by another program: they are its own
        return str(service.key)
    labels = ",".join(f"{name}={value}" for name, value in sorted(service.spec.selector.items()))
    return f"{service.namespace}/{labels}"


def obstacle(claim: AddressClaim, holders: Collection[AddressClaim]) -> str | None:
    """Why a Service may not have an address beside those that have it; None when it may."""
    for holder in sorted(holders):
        if holder.service != claim.service and (reason := _conflict(claim, holder)):
            return reason
    return None


def _conflict(claim: AddressClaim, holder: AddressClaim) -> str | None:
    if not claim.key and not holder.key:
        return f"it belongs to Service {holder.service}"
    if claim.key != holder.key:
        keys = f"{claim.key!r} here and {holder.key!r} there" if claim.key and holder.key else "only one of the two has"
        return f"it belongs to Service {holder.service}, and the annotation {ANNOTATION} differs: {keys}"
    if both := sorted(claim.ports & holder.ports):
        return f"Service {holder.service}, which shares it, has port {both[0]} already"
    if claim.nodes != holder.nodes:
        return (
            f"Service {holder.service}, which shares it, is served by other nodes: "
            "both need externalTrafficPolicy Cluster, or Local and the same selector"
        )
    return None
