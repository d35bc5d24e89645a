"""Nodes, and the Leases that are their signs of life."""

from collections.abc import Mapping

import msgspec

from fairlead.model.objects.metadata import Condition, KubeObject, Slim, has_true_condition

ZONE_LABEL = "topology.kubernetes.io/zone"

NODE_LEASES = "kube-node-lease"


class NodeAddress(Slim, frozen=True):
    """One address of a Node; ``type`` is InternalIP, ExternalIP or Hostname."""

    type: str
    address: str


class Taint(Slim, frozen=True):
    """A taint; ``effect`` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    effect: str
    value: str = ""
    time_added: str | None = None


class NodeSpec(Slim, frozen=True):
    """Wanted state of a Node."""

    pod_cidr: str = msgspec.field(default="", name="podCIDR")
    pod_cidrs: tuple[str, ...] = msgspec.field(default=(), name="podCIDRs")
    unschedulable: bool = False
    taints: tuple[Taint, ...] | None = None


class NodeStatus(Slim, frozen=True):
    """Observed state of a Node."""

    addresses: tuple[NodeAddress, ...] | None = None
    conditions: tuple[Condition, ...] | None = None
    allocatable: Mapping[str, str] | None = None


class Node(KubeObject, frozen=True):
    """A Node."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def zone(self) -> str | None:
        return self.labels.get(ZONE_LABEL)

    @property
    def internal_ips(self) -> tuple[str, ...]:
        return tuple(a.address for a in self.status.addresses or () if a.type == "InternalIP")

    @property
    def is_ready(self) -> bool:
        return has_true_condition(self.status.conditions, "Ready")


class LeaseSpec(Slim, frozen=True):
    """The holder of a Lease, its times, and the number of transitions; times are RFC 3339 text with microseconds."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(KubeObject, frozen=True):
    """A Lease; one in the namespace ``NODE_LEASES`` is a sign of life of the Node of its name (KEP-589)."""

    spec: LeaseSpec = LeaseSpec()
