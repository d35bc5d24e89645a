"""The settings of the nodes' proxies, from the flags of commands that compute their rules."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairlead.explain.cluster import Cluster
    from fairlead.explain.proxying import Proxying


def proxying_of(cluster: "Cluster", flags: dict[str, Any]) -> "Proxying":
    """The settings from the flags; a flag that is not given comes from the cluster's objects."""
    from fairlead.dataplane.node_view import NodeSettings
    from fairlead.explain.proxying import NFT, Proxying, inferred

    settings = NodeSettings(
        cluster_cidrs=_list(flags.get("cluster_cidr", "")),
        node_port_addresses=_list(flags.get("nodeport_addresses", "primary")),
    )
    return Proxying(flags.get("backend", NFT), inferred(cluster, settings))


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
