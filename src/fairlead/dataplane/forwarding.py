"""The treatment of traffic for each service port on one node, independent of any rule syntax.

``plan_service`` is the only entry point: objects in, ``PortPlan`` values out; the emitters (``nft_rules``,
``iptables_rules``) only write it as rules. Semantics: the Service API reference and upstream's ``pkg/proxy``.
"""

import enum
from collections.abc import Iterable

import msgspec

from fairlead.dataplane.endpoints import PortEndpoints, ProxyPlace, candidates, categorize
from fairlead.dataplane.ownership import only_its_own
from fairlead.dataplane.service_ports import ForwardedPort, forwarded_ports
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.objects import EndpointSlice
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.netfilter.ruleset import Field, FromInterface, InNetworks, Match


class Fate(enum.Enum):
    """The fate of a connection to one of a service port's addresses."""

    CLUSTER = "to any endpoint"
    LOCAL = "to an endpoint on this node"
    DROP = "no endpoint on this node"
    REJECT = "no endpoint at all"


class PodTraffic(msgspec.Struct, frozen=True):
    """How traffic from this cluster's (or this node's) Pods is recognized; at most one field is set.

    Attributes:
        cidr: sources in this network. interface: packets that came in there (a prefix of its name with ``is_prefix``).
    """

    cidr: str = ""
    interface: str = ""
    is_prefix: bool = False

    def matches(self, *, negated: bool = False) -> tuple[Match, ...]:
        """The match for such traffic, or for all other; empty when it cannot be told."""
        if self.cidr:
            return (InNetworks(Field.SOURCE, (self.cidr,), negated),)
        return (FromInterface(self.interface, self.is_prefix, negated),) if self.interface else ()


class NodeView(msgspec.Struct, frozen=True):
    """A proxy's data about its node and its cluster, for one IP family.

    Attributes:
        node_ips: the node's own addresses of the family, the primary one first.
        node_port_ips: addresses on which node ports answer; None: on every local one but loopback.
        localhost_node_ports: whether they answer on loopback too (IPv4 and iptables only).
        service_cidrs: where virtual IPs are allocated from; traffic to unallocated ones is dropped.
        masquerade_bit: which bit of the packet mark asks for masquerade (0 to 31).
        masquerade_all: whether all traffic to cluster IPs is masqueraded.
        is_conntrack_liberal: whether the kernel treats out-of-window TCP packets as valid.
        resets_connections: whether TCP connections to removed endpoints are reset, not left to close.
    """

    family: IPFamily
    place: ProxyPlace
    node_ips: tuple[str, ...] = ()
    node_port_ips: tuple[str, ...] | None = None
    pod_traffic: PodTraffic = PodTraffic()
    service_cidrs: tuple[str, ...] = ()
    masquerade_bit: int = 14
    masquerade_all: bool = False
    localhost_node_ports: bool = False
    is_conntrack_liberal: bool = False
    resets_connections: bool = False

    @property
    def masquerade_mark(self) -> int:
        return 1 << self.masquerade_bit


def serve_alike(one: NodeView, other: NodeView) -> bool:
    """Whether two views differ at most in what no Service's rules depend on."""
    return msgspec.structs.replace(one, service_cidrs=other.service_cidrs) == other


class PortPlan(msgspec.Struct, frozen=True, gc=False):
    """The plan for one service port.

    Attributes:
        internal: the fate of connections to the cluster IP. external: to node ports, external and load balancer IPs.
    """

    port: ForwardedPort
    endpoints: PortEndpoints
    internal: Fate
    external: Fate

    @property
    def needs_cluster_targets(self) -> bool:
        """Whether something leads to all endpoints: a policy Local still does for Pods (short circuit)."""
        external = self.port.is_externally_accessible and self.external is not Fate.REJECT
        return bool(self.endpoints.cluster) and (self.internal is Fate.CLUSTER or external)

    @property
    def needs_local_targets(self) -> bool:
        external = self.port.is_externally_accessible and self.external is Fate.LOCAL
        return self.internal is Fate.LOCAL or external


def plan_service(snapshot: ClusterSnapshot, key: ObjectKey, view: NodeView) -> tuple[PortPlan, ...]:
    """The plans of all ports of one Service on this node; none when it is not forwarded or not there."""
    service = snapshot.services.get(key)
    if service is None:
        return ()
    slices = tuple(snapshot.slices_of(key))
    ports = (only_its_own(port, snapshot) for port in forwarded_ports(service, view.family))
    return tuple(_plan(port, slices, view) for port in ports)


def _plan(port: ForwardedPort, slices: Iterable[EndpointSlice], view: NodeView) -> PortPlan:
    endpoints = categorize(port, candidates(port, slices, view.family, view.place), view.place)
    return PortPlan(port, endpoints, _fate(endpoints, port.is_internal_local), _fate(endpoints, port.is_external_local))


def _fate(endpoints: PortEndpoints, is_local: bool) -> Fate:
    if not endpoints.has_any:
        return Fate.REJECT
    if not is_local:
        return Fate.CLUSTER
    return Fate.LOCAL if endpoints.local else Fate.DROP


def policies_without_endpoints(snapshot: ClusterSnapshot, key: ObjectKey, view: NodeView) -> frozenset[str]:
    """Which traffic policies of a Service, internal or external, are Local and turn clients away on this node."""
    service = snapshot.services.get(key)
    if service is None or "Local" not in (service.spec.internal_traffic_policy, service.spec.external_traffic_policy):
        return frozenset()
    plans = plan_service(snapshot, key, view)
    internal = {"internal" for plan in plans if plan.internal is Fate.DROP}
    external = {"external" for plan in plans if plan.external is Fate.DROP and plan.port.is_externally_accessible}
    return frozenset(internal | external)
