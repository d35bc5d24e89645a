"""How the nodes of a cluster forward: known and inferred settings of their proxies."""

from collections.abc import Iterable
from ipaddress import collapse_addresses, ip_network
from typing import Any, NamedTuple

from fairlead.dataplane import iptables_rules, nft_rules, nft_skeleton
from fairlead.dataplane.forwarding import NodeView, plan_service
from fairlead.dataplane.incremental import build
from fairlead.dataplane.node_view import NodeSettings, view_node
from fairlead.explain.cluster import Cluster
from fairlead.explain.documents import texts
from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.objects import Node
from fairlead.netfilter.ruleset import Table

NFT, IPTABLES = "nft", "iptables"


class Proxying(NamedTuple):
    """The back end and the settings of the nodes' proxies."""

    backend: str = NFT
    settings: NodeSettings = NodeSettings()


def view_of(cluster: Cluster, proxying: Proxying, node: str, family: IPFamily) -> NodeView:
    """The view of the proxy of a node."""
    found = cluster.snapshot.nodes.get(node)
    return view_node(proxying.settings, node, found, found.internal_ips if found else (), family)


def tables_of(cluster: Cluster, proxying: Proxying, node: str, family: IPFamily) -> dict[str, Table]:
    """A node's tables for all Services, by name."""
    view = view_of(cluster, proxying, node, family)
    if proxying.backend == NFT:
        table, _ = build(cluster.snapshot, view, nft_skeleton.skeleton(view), nft_rules.service_part)
        return {nft_skeleton.table_name(family).name: table}
    snapshot = cluster.snapshot
    parts = (iptables_rules.contribute(plan_service(snapshot, key, view), view) for key in sorted(snapshot.services))
    return dict(iptables_rules.assemble(parts, view))


def inferred(cluster: Cluster, settings: NodeSettings) -> NodeSettings:
    """The settings, with missing networks of Pods and of virtual IPs inferred from objects."""
    import msgspec

    pods = settings.cluster_cidrs or tuple(_covering(_pod_cidrs(cluster.snapshot.nodes.values())))
    services = settings.service_cidrs or tuple(
        cidr for document in cluster.of_kind("ServiceCIDR").values() for cidr in texts(document, "spec", "cidrs")
    )
    return msgspec.structs.replace(settings, cluster_cidrs=pods, service_cidrs=services)


def _pod_cidrs(nodes: Iterable[Node]) -> list[str]:
    return [cidr for node in nodes for cidr in (node.spec.pod_cidrs or (node.spec.pod_cidr,)) if cidr]


def _covering(cidrs: list[str]) -> Iterable[str]:
    """The smallest network of each family that contains all of these."""
    for family in IPFamily:
        networks: list[Any] = [n for c in cidrs if family_of(c) is family and (n := _network(c))]
        if networks:
            whole = networks[0]
            while not all(network.subnet_of(whole) for network in collapse_addresses(networks)):
                whole = whole.supernet()
            yield str(whole)


def _network(text: str) -> Any:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
