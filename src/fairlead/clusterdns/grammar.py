"""The shapes of a name. Labels are read from right to left; a name that fits no shape does not exist.

With Z the cluster domain (``cluster.local``) and R a reverse zone (``in-addr.arpa``, ``ip6.arpa``):

    Z                                    Apex
    dns-version.Z                        Version
    svc.Z  pod.Z  dns.Z                  Branch
    ns.dns.Z                             Nameserver
    namespace.svc.Z  namespace.pod.Z     NamespaceNode
    service.namespace.svc.Z              ServiceNode
    _proto.service.namespace.svc.Z       ProtocolNode     (exists above its ports, RFC 8020)
    _port._proto.service.namespace.svc.Z PortNode
    endpoint.service.namespace.svc.Z     EndpointNode
    a-b-c-d.namespace.pod.Z              PodNode
    _zone.S  pin._zone.S  prefer._zone.S ZonalBranch      (S a Service; with the option ``zonal``)
    topology-zone.pin._zone.S            ZonalNode        (also .prefer.; the zone may have dots)
    R                                    Apex
    d.c.b.a.R                            AddressNode      (32 nibbles under ip6.arpa)
    anything else under R                ReverseBranch    (exists above the addresses of the cluster)
    anything else under Z                Unshaped
    anything else                        OutsideNode

In the zone of a cluster set (KEP-1645), which has no Pods, an endpoint belongs to the cluster that it is in:

    cluster.service.namespace.svc.Z           ClusterNode
    endpoint.cluster.service.namespace.svc.Z  EndpointNode

Port and protocol must have their underscores (RFC 2782); upstream's server does not require them. Source of the shapes:
Kubernetes DNS-based service discovery, version 1.1.0.
"""

from typing import NamedTuple

from fairlead.clusterdns.names import Name, from_reverse
from fairlead.clusterdns.zone import Zone
from fairlead.model.addresses import IPAddress
from fairlead.model.names import ObjectKey


class Apex(NamedTuple):
    """The top of a served zone."""

    zone: Name


class VersionName(NamedTuple):
    """``dns-version``: the version of the specification."""


class Branch(NamedTuple):
    """A fixed inner node: it exists, and has no records. ``of_server`` is the one above this server's own name."""

    of_server: bool = False


class Nameserver(NamedTuple):
    """``ns.dns``: the name of this server when no Service stands for it."""


class NamespaceNode(NamedTuple):
    """A Namespace below ``svc``, or below ``pod``; the latter does not exist in all modes."""

    namespace: str
    of_pods: bool


class ServiceNode(NamedTuple):
    """A Service."""

    key: ObjectKey


class ProtocolNode(NamedTuple):
    """The empty node between a Service and its named ports."""

    key: ObjectKey
    protocol: str


class PortNode(NamedTuple):
    """A named port of a Service."""

    key: ObjectKey
    protocol: str
    port: str


class EndpointNode(NamedTuple):
    """An endpoint of a Service, by host name or dashed address; ``cluster`` is one label in a cluster set."""

    key: ObjectKey
    endpoint: str
    cluster: Name = ()


class ClusterNode(NamedTuple):
    """The node between an imported Service and its endpoints in one cluster."""

    key: ObjectKey
    cluster: Name


class ZonalBranch(NamedTuple):
    """The nodes between a headless Service and its topology zones."""

    key: ObjectKey


class ZonalNode(NamedTuple):
    """The endpoints of a headless Service in one topology zone; ``prefers`` takes all when there are none."""

    key: ObjectKey
    topology_zone: str
    prefers: bool


class PodNode(NamedTuple):
    """An address spelled with dashes, in a Namespace."""

    namespace: str
    label: str


class AddressNode(NamedTuple):
    """A whole address in a reverse zone."""

    address: IPAddress


class ReverseBranch(NamedTuple):
    """A part of an address, or junk; the whole name."""

    name: Name


class Unshaped(NamedTuple):
    """Inside the zone, but of no shape that can exist."""


class OutsideNode(NamedTuple):
    """Outside all served zones."""


Node = (
    Apex
    | VersionName
    | Branch
    | Nameserver
    | NamespaceNode
    | ServiceNode
    | ProtocolNode
    | PortNode
    | EndpointNode
    | ClusterNode
    | ZonalBranch
    | ZonalNode
    | PodNode
    | AddressNode
    | ReverseBranch
    | Unshaped
    | OutsideNode
)

# Nodes whose answers depend on one Service and its EndpointSlices: ``node.key``.
ServiceBound = ServiceNode | ProtocolNode | PortNode | EndpointNode | ClusterNode | ZonalBranch | ZonalNode

_FIXED: dict[Name, Node] = {
    ("dns-version",): VersionName(),
    ("svc",): Branch(),
    ("pod",): Branch(),
    ("dns",): Branch(of_server=True),
    ("ns", "dns"): Nameserver(),
}


def node_of(name: Name, zone: Zone) -> Node:
    """The shape of a lower-case name."""
    apex = zone.apex_of(name)
    if apex is None:
        return OutsideNode()
    labels = name[: len(name) - len(apex)]
    if not labels:
        return Apex(apex)
    return _forward_node(labels, zone) if apex == zone.origin else _reverse_node(name)


def _forward_node(labels: Name, zone: Zone) -> Node:
    *rest, branch = labels
    if branch == "pod" and zone.of_clusterset:
        return Unshaped()
    if labels in _FIXED:
        return _FIXED[labels]
    if branch == "svc":
        return _service_node(tuple(rest), zone)
    if branch == "pod":
        return _pod_node(tuple(rest))
    return Unshaped()


def _pod_node(labels: Name) -> Node:
    match labels:
        case (namespace,):
            return NamespaceNode(namespace, of_pods=True)
        case (label, namespace):
            return PodNode(namespace, label)
    return Unshaped()


def _service_node(labels: Name, zone: Zone) -> Node:
    match labels:
        case (namespace,):
            return NamespaceNode(namespace, of_pods=False)
        case (service, namespace):
            return ServiceNode(ObjectKey(namespace, service))
        case (*below, service, namespace):
            return _below_service(tuple(below), ObjectKey(namespace, service), zone)
    return Unshaped()


def _below_service(labels: Name, key: ObjectKey, zone: Zone) -> Node:
    if zone.zonal and labels[-1] == "_zone":
        return _zonal_node(labels[:-1], key)
    match labels:
        case (label,) if label.startswith("_"):
            return ProtocolNode(key, label[1:])
        case (label,):
            return ClusterNode(key, labels) if zone.of_clusterset else EndpointNode(key, label)
        case (port, protocol) if port.startswith("_") and protocol.startswith("_"):
            return PortNode(key, protocol[1:], port[1:])
        case (endpoint, _) if zone.of_clusterset:
            return EndpointNode(key, endpoint, labels[1:])
    return Unshaped()


def _zonal_node(labels: Name, key: ObjectKey) -> Node:
    match labels:
        case () | ("pin" | "prefer",):
            return ZonalBranch(key)
        case (*topology_zone, "pin" | "prefer" as directive):
            return ZonalNode(key, ".".join(topology_zone), directive == "prefer")
    return Unshaped()


def _reverse_node(name: Name) -> Node:
    address = from_reverse(name)
    return AddressNode(address) if address is not None else ReverseBranch(name)
