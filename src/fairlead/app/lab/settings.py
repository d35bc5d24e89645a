"""The settings of a lab, from options or its configuration file (``config``)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import product
from typing import Annotated

import msgspec

from fairlead.allocation.load_balancer import AddressPool
from fairlead.bgp.settings import BgpSettings
from fairlead.labnet.addresses import IPV4_ONLY, PLANS, Families, usual_address, usual_pod_cidr
from fairlead.labnet.balancing import LoadBalancing
from fairlead.labnet.links import NodeNetwork
from fairlead.model.addresses import overlap
from fairlead.model.socket_address import SocketAddress
from fairlead.nodeagent.images import Images
from fairlead.workloads.node_lifecycle import DEFAULT_TOLERATION

NO_PROXY = "none"  # the proxy mode of nodes that are left without one, for a proxy that the user brings
JOINED_LABEL = "fairlead.dev/joined"  # of Nodes on other hosts than the lab's first

Seconds = Annotated[float, msgspec.Meta(gt=0)]


@dataclass(frozen=True)
class LabNode(NodeNetwork):
    """A node of the lab.

    Attributes:
        labels: labels in addition to those that every node has.
        peer: where the wire reaches the host that it is on; None: it is on this one.
        proxy_mode: nft, iptables or none; "": as in the lab.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    peer: SocketAddress | None = None
    proxy_mode: str = ""


def numbered_node(index: int, families: Families, name: str = "", labels: Mapping[str, str] | None = None) -> LabNode:
    """The node with this number, at its usual place on the network."""
    addresses = tuple(usual_address(index, family) for family in families)
    pod_cidrs = tuple(usual_pod_cidr(index, family) for family in families)
    return LabNode(index, name or f"node-{index}", addresses, pod_cidrs, labels or {})


def collide(one: LabNode, other: LabNode) -> bool:
    """Whether two nodes want the same place on the network."""
    pairs = product(map(ip_network, one.pod_cidrs), map(ip_network, other.pod_cidrs))
    is_overlap = any(overlap(cidr, taken) for cidr, taken in pairs)
    return one.index == other.index or bool({*one.addresses} & {*other.addresses}) or is_overlap


class Timers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Times that determine how soon the loss of a node takes effect; by default those of upstream.

    Attributes:
        heartbeat: seconds between two heartbeats of a node.
        node_grace: seconds without one after which a Node counts as lost.
        eviction: seconds after which Pods are evicted from a Node that is not ready, unless they set another time.
    """

    heartbeat: Seconds = 10.0
    node_grace: Seconds = 40.0
    eviction: Seconds = DEFAULT_TOLERATION


class LabSettings(msgspec.Struct, frozen=True):
    """The desired lab.

    Attributes:
        nodes: the nodes at its start.
        images: the substitutes for images, by pattern.
        pools: addresses for Services of type LoadBalancer; None for the default ones of the families.
        ip_families: the IP families of all addresses; the first is the cluster's primary family.
        proxy_mode: what the nodes' proxies write, nft or iptables, unless a node says otherwise; none: they have none.
        network_policies: whether the nodes enforce NetworkPolicies.
        pull: whether images that are not in the store are pulled.
        publish: whether ports that are reachable from outside also answer on this machine's loopback.
        load_balancing: which nodes receive packets for load balancers' addresses, and how.
        bgp: the routers to which the nodes announce these addresses, if any.
        seed: makes a lab without namespaces choose the same endpoints in every run; None: the choice is random.
        control_plane: folder of Kubernetes' own programs for the control plane; empty: Fairlead's control plane.
    """

    nodes: tuple[LabNode, ...] = ()
    images: Images = {}
    timers: Timers = Timers()
    pools: tuple[AddressPool, ...] | None = None
    ip_families: Families = IPV4_ONLY
    proxy_mode: str = "nft"
    network_policies: bool = True
    publish: bool = False
    load_balancing: LoadBalancing = LoadBalancing.SPREAD
    bgp: BgpSettings | None = None
    pull: bool = False
    seed: int | None = None
    control_plane: str = ""

    def proxy_mode_of(self, node: LabNode) -> str:
        """The back end of a node's proxy: nft, iptables or none."""
        return node.proxy_mode or self.proxy_mode

    @property
    def load_balancer_pools(self) -> tuple[AddressPool, ...]:
        usual = tuple(PLANS[family].load_balancers for family in self.ip_families)
        return (AddressPool(usual),) if self.pools is None else self.pools

    @property
    def load_balancer_cidrs(self) -> tuple[str, ...]:
        """The networks of all pools."""
        return tuple(cidr for pool in self.load_balancer_pools for cidr in pool.cidrs)
