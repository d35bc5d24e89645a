"""What may be set about a lab, by options or by its configuration file (``config``)."""

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
from fairlead.workloads.node_lifecycle import BORNE_BY_DEFAULT

NO_PROXY = "none"  # the proxy mode of nodes that are left without one, for a proxy that the user brings
JOINED_LABEL = "fairlead.dev/joined"  # of Nodes on other hosts than the lab's first

Seconds = Annotated[float, msgspec.Meta(gt=0)]


@dataclass(frozen=True)
class LabNode(NodeNetwork):
    """A node of the lab.

    Attributes:
        labels: beside those that every node has.
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
    """Times that decide how soon the loss of a node has consequences; by default they are upstream's.

    Attributes:
        heartbeat: seconds between two heartbeats of a node.
        node_grace: seconds without one after which a Node counts as lost.
        eviction: seconds after which Pods that do not say otherwise leave a Node that is not ready.
    """

    heartbeat: Seconds = 10.0
    node_grace: Seconds = 40.0
    eviction: Seconds = BORNE_BY_DEFAULT


class LabSettings(msgspec.Struct, frozen=True):
    """A lab as it is wanted.

    Attributes:
        nodes: those that it starts with.
        images: what stands for images, by pattern.
        pools: addresses for Services of type LoadBalancer; None for those that are usual for the families.
        ip_families: what everything has addresses of; the first is the one that the cluster itself uses.
        proxy_mode: what the nodes' proxies write, nft or iptables, unless a node says otherwise; none: they have none.
        network_policies: whether the nodes enforce NetworkPolicies.
        pull: whether images that the store lacks are fetched.
        publish: whether what the world outside can reach answers on this machine's loopback too.
        load_balancing: who brings packets for load balancers' addresses to which nodes.
        bgp: whom the nodes tell of these addresses, if they do.
        seed: what makes a lab without namespaces draw the same endpoints in every run; None: nothing does.
        control_plane: folder of Kubernetes' own programs, which then are the control plane; empty: it is ours.
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
        """What a node's proxy writes: nft, iptables or none."""
        return node.proxy_mode or self.proxy_mode

    @property
    def load_balancer_pools(self) -> tuple[AddressPool, ...]:
        usual = tuple(PLANS[family].load_balancers for family in self.ip_families)
        return (AddressPool(usual),) if self.pools is None else self.pools

    @property
    def load_balancer_cidrs(self) -> tuple[str, ...]:
        """The networks of all pools."""
        return tuple(cidr for pool in self.load_balancer_pools for cidr in pool.cidrs)
