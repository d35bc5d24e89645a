"""Computes the ``NodeView`` of each IP family from a proxy's settings and its Node object.

Flags are kube-proxy's (``KubeProxyConfiguration`` v1alpha1: detectLocal, nodePortAddresses, iptables.masqueradeBit).
"""

import enum
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import msgspec

from fairlead.dataplane.endpoints import ProxyPlace
from fairlead.dataplane.forwarding import NodeView, PodTraffic
from fairlead.model.addresses import EVERY_ADDRESS, IPFamily, family_of
from fairlead.model.objects import Node

PRIMARY = "primary"
EVERYTHING = {IPFamily.IPV4: "0.0.0.0/0", IPFamily.IPV6: "::/0"}

Network = IPv4Network | IPv6Network


class DetectLocal(enum.StrEnum):
    """How traffic of this cluster's Pods is distinguished from other traffic."""

    CLUSTER_CIDR = "ClusterCIDR"
    NODE_CIDR = "NodeCIDR"
    BRIDGE_INTERFACE = "BridgeInterface"
    INTERFACE_NAME_PREFIX = "InterfaceNamePrefix"


class NodeSettings(msgspec.Struct, frozen=True):
    """The settings of a node's proxy.

    Attributes:
        detect_local: which of the next three defines Pod traffic; if that one has no value, none is recognized.
        cluster_cidrs: the Pods' networks; the first of each family counts.
        bind_address: the node's primary address of its family; "" or the wildcard: that of the Node object.
        node_port_addresses: CIDRs of the node's addresses that node ports answer on, or ("primary",) for the
            Node object's first address of each family; a family without a CIDR answers on all of its addresses.
        localhost_node_ports: whether IPv4 node ports answer on loopback, if ``node_port_addresses`` contains it.
        service_cidrs: where virtual IPs are allocated from.
        is_conntrack_liberal: whether the kernel treats out-of-window TCP packets as valid.
        resets_connections: whether TCP connections to removed endpoints are reset, not left to close.
    """

    detect_local: DetectLocal = DetectLocal.CLUSTER_CIDR
    cluster_cidrs: tuple[str, ...] = ()
    bridge_interface: str = ""
    interface_name_prefix: str = ""
    bind_address: str = ""
    node_port_addresses: tuple[str, ...] = (PRIMARY,)
    service_cidrs: tuple[str, ...] = ()
    masquerade_bit: int = 14
    masquerade_all: bool = False
    localhost_node_ports: bool = False
    is_conntrack_liberal: bool = False
    resets_connections: bool = False


def view_node(
    settings: NodeSettings, name: str, node: Node | None, addresses: Iterable[str], family: IPFamily
) -> NodeView:
    """The view of one family.

    Args:
        node: the Node object; None when there is none (yet).
        addresses: all addresses of the node's interfaces, for ``node_port_addresses``.
    """
    bound = () if settings.bind_address in EVERY_ADDRESS.values() else (settings.bind_address,)
    node_ips = tuple(dict.fromkeys(_of(family, (*bound, *(node.internal_ips if node else ())))))
    return NodeView(
        family=family,
        place=ProxyPlace(name, node.zone if node else None),
        node_ips=node_ips,
        node_port_ips=_node_port_ips(settings, node_ips, _of(family, addresses), family),
        pod_traffic=_pod_traffic(settings, node, family),
        service_cidrs=_of(family, settings.service_cidrs),
        masquerade_bit=settings.masquerade_bit,
        masquerade_all=settings.masquerade_all,
        localhost_node_ports=has_localhost(settings, family),
        is_conntrack_liberal=settings.is_conntrack_liberal,
        resets_connections=settings.resets_connections,
    )


def _pod_traffic(settings: NodeSettings, node: Node | None, family: IPFamily) -> PodTraffic:
    match settings.detect_local:
        case DetectLocal.CLUSTER_CIDR:
            return PodTraffic(cidr=_first(_of(family, settings.cluster_cidrs)))
        case DetectLocal.NODE_CIDR:
            cidrs = (node.spec.pod_cidrs or (node.spec.pod_cidr,)) if node else ()
            return PodTraffic(cidr=_first(_of(family, cidrs)))
        case DetectLocal.BRIDGE_INTERFACE:
            return PodTraffic(interface=settings.bridge_interface)
        case DetectLocal.INTERFACE_NAME_PREFIX:
            return PodTraffic(interface=settings.interface_name_prefix, is_prefix=True)


def listening_addresses(view: NodeView) -> tuple[str, ...]:
    """Where this node is asked about its health for load balancers: where its node ports answer."""
    return (EVERY_ADDRESS[view.family],) if view.node_port_ips is None else view.node_port_ips


def _node_port_ips(
    settings: NodeSettings, node_ips: tuple[str, ...], addresses: tuple[str, ...], family: IPFamily
) -> tuple[str, ...] | None:
    """None, all addresses, also stands for a node whose address is not known or is loopback (upstream's fallback)."""
    if settings.node_port_addresses == (PRIMARY,):
        primary = _first(node_ips)
        return None if not primary or ip_address(primary).is_loopback else (primary,)
    networks = _node_port_networks(settings, family)
    if any(network.prefixlen == 0 for network in networks):
        return None
    with_loopback = settings.localhost_node_ports and family is IPFamily.IPV4
    listed = (a for a in addresses if any(ip_address(a) in network for network in networks))
    return tuple(a for a in listed if with_loopback or not ip_address(a).is_loopback)


def _node_port_networks(settings: NodeSettings, family: IPFamily) -> list[Network]:
    """What is listed for the family; everything where nothing is."""
    listed = [ip_network(cidr, strict=False) for cidr in _of(family, settings.node_port_addresses)]
    return listed or [ip_network(EVERYTHING[family])]


def has_localhost(settings: NodeSettings, family: IPFamily) -> bool:
    """Whether node ports answer on loopback: IPv6 has no ``route_localnet``, and a primary address is not loopback."""
    if not settings.localhost_node_ports or family is IPFamily.IPV6 or settings.node_port_addresses == (PRIMARY,):
        return False
    loopback = ip_network("127.0.0.0/8")
    return any(network.overlaps(loopback) for network in _node_port_networks(settings, family))


def _of(family: IPFamily, texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if text and text != PRIMARY and family_of(text) == family)


def _first(texts: tuple[str, ...]) -> str:
    return texts[0] if texts else ""
