"""How many replicas a cluster of some size asks for: the linear mode of cluster-proportional-autoscaler.

Upstream: ``kubernetes-sigs/cluster-proportional-autoscaler`` (README, "Linear Mode").
"""

from math import ceil

import msgspec


class Linear(msgspec.Struct, frozen=True, rename="camel"):
    """So many cores and Nodes for each replica; 0 does not count.

    Attributes:
        max: 0 for no bound.
        prevent_single_point_failure: at least two replicas where there is more than one Node.
        include_unschedulable_nodes: whether Nodes count that take no new Pods.
    """

    cores_per_replica: float = 0
    nodes_per_replica: float = 0
    min: int = 1
    max: int = 0
    prevent_single_point_failure: bool = msgspec.field(default=False, name="preventSinglePointFailure")
    include_unschedulable_nodes: bool = False


def wanted_replicas(linear: Linear, nodes: int, cores: float) -> int:
    """The greater of what cores and Nodes ask for, within the bounds."""
    by_cores = ceil(cores / linear.cores_per_replica) if linear.cores_per_replica > 0 else 0
    by_nodes = ceil(nodes / linear.nodes_per_replica) if linear.nodes_per_replica > 0 else 0
    least = 2 if linear.prevent_single_point_failure and nodes > 1 else 1
    wanted = max(by_cores, by_nodes, linear.min, least)
    return min(wanted, linear.max) if linear.max > 0 else wanted
