"""What may be set about a lab, by options or by its configuration file (``lab_config``)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Annotated

import msgspec

from fairlead.allocation.load_balancer import Pool
from fairlead.drivers.netns import LOAD_BALANCER_POOL, NodeNetwork, usual_address, usual_pod_cidr
from fairlead.nodeagent.images import Images
from fairlead.workloads.node_lifecycle import BORNE_BY_DEFAULT

Seconds = Annotated[float, msgspec.Meta(gt=0)]


@dataclass(frozen=True)
class LabNode(NodeNetwork):
    """A node of the lab.

    Attributes:
        labels: beside those that every node has.
    """

    labels: Mapping[str, str] = field(default_factory=dict)


def numbered_node(index: int, name: str = "", labels: Mapping[str, str] | None = None) -> LabNode:
    """The node with this number, at its usual place on the network."""
    network = (usual_address(index),), usual_pod_cidr(index)
    return LabNode(index, name or f"node-{index}", *network, labels or {})


def collide(one: LabNode, other: LabNode) -> bool:
    """Whether two nodes want the same place on the network."""
    is_overlap = ip_network(one.pod_cidr).overlaps(ip_network(other.pod_cidr))
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
        load_balancer_pools: addresses for Services of type LoadBalancer.
        publish: whether what the world outside can reach answers on this machine's loopback too.
    """

    nodes: tuple[LabNode, ...] = ()
    images: Images = {}
    timers: Timers = Timers()
    load_balancer_pools: tuple[Pool, ...] = (Pool((LOAD_BALANCER_POOL,)),)
    publish: bool = False

    @property
    def load_balancer_cidrs(self) -> tuple[str, ...]:
        """The networks of all pools."""
        return tuple(cidr for pool in self.load_balancer_pools for cidr in pool.cidrs)
