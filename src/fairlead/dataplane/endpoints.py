"""Which endpoints of a service port can be used, and from where.

Only this module decides which endpoints are *usable*: the ready ones, or if there are none, those that still serve
while they terminate (KEP-1669). The rule is applied to the whole cluster and to this node independently. Topology hints
(KEP-2433, KEP-4444) narrow the cluster's ready endpoints only when every one of them has a hint.
Semantics: upstream's ``pkg/proxy/topology.go`` and ``pkg/proxy/endpointslicecache.go``.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from fairlead.dataplane.balancing import Balancing
from fairlead.dataplane.service_ports import ForwardedPort
from fairlead.model.addresses import IPFamily, canonical_ip
from fairlead.model.objects import HEADLESS_LABEL, Endpoint, EndpointHints, EndpointSlice
from fairlead.netfilter.ruleset import Target


class ProxyPlace(NamedTuple):
    """The location of this proxy: the node's name and its topology zone, if it has one."""

    node: str
    zone: str | None


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One endpoint of a service port."""

    target: Target
    is_ready: bool
    is_serving: bool
    is_terminating: bool
    is_local: bool
    weight: int = 1
    zones: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


class PortEndpoints(msgspec.Struct, frozen=True, gc=False):
    """The endpoints of a service port as this node uses them, each group in order of address and port.

    Attributes:
        cluster: for traffic that can go to any node. local: for traffic that must stay on this node.
        has_any: whether there is a usable endpoint anywhere, reachable under the policies or not.
        local_targets: those of either group that run on this node (only they can talk to themselves through it).
        weights: the weights of endpoints whose weight is not 1.
        serving: all serving endpoints, on any node and for any clients: flows to others are stale.
    """

    cluster: tuple[Target, ...] = ()
    local: tuple[Target, ...] = ()
    has_any: bool = False
    local_targets: tuple[Target, ...] = ()
    weights: Mapping[Target, int] = {}
    serving: tuple[Target, ...] = ()

    def weights_of(self, targets: Iterable[Target]) -> list[int]:
        return [self.weights.get(target, 1) for target in targets]


def candidates(
    port: ForwardedPort, slices: Iterable[EndpointSlice], family: IPFamily, place: ProxyPlace
) -> list[Candidate]:
    """The endpoints that the slices list for a service port.

    Of an address that is listed twice the last one counts that is not terminating, as with kube-proxy within a slice;
    slices come in the order of their names, so that every node takes the same one.
    """
    found: dict[Target, Candidate] = {}
    for slice_ in sorted(slices, key=lambda s: s.name):
        if slice_.address_type != family or HEADLESS_LABEL in slice_.labels:
            continue
        for number in _port_numbers(slice_, port):
            for endpoint in slice_.endpoints or ():
                _collect(found, _candidate(endpoint, number, place, port.balancing))
    return [found[target] for target in sorted(found)]


def _port_numbers(slice_: EndpointSlice, port: ForwardedPort) -> list[int]:
    wanted = (port.name.port, port.name.protocol)
    return [p.port for p in slice_.ports or () if p.port and ((p.name or ""), (p.protocol or "TCP")) == wanted]


def _collect(found: dict[Target, Candidate], candidate: Candidate | None) -> None:
    if candidate is None:
        return
    other = found.get(candidate.target)
    if other is None or other.is_terminating or not candidate.is_terminating:
        found[candidate.target] = candidate


def _candidate(endpoint: Endpoint, number: int, place: ProxyPlace, balancing: Balancing) -> Candidate | None:
    """One endpoint as this node sees it; None for one without a usable address."""
    address = canonical_ip(endpoint.addresses[0]) if endpoint.addresses else None
    if address is None:
        return None
    hints = endpoint.hints or EndpointHints()
    return Candidate(
        target=Target(address, number),
        is_ready=endpoint.is_ready,
        is_serving=endpoint.is_serving,
        is_terminating=endpoint.is_terminating,
        is_local=endpoint.node_name == place.node,
        weight=balancing.weight_of(_name(endpoint)) if balancing.weights else 1,
        zones=tuple(hint.name for hint in hints.for_zones or ()),
        nodes=tuple(hint.name for hint in hints.for_nodes or ()),
    )


def _name(endpoint: Endpoint) -> str:
    """What weights know an endpoint by: its Pod's name, or its address."""
    reference = endpoint.target_ref
    return reference.name if reference and reference.name else endpoint.addresses[0]


def usable(group: Iterable[Candidate]) -> list[Candidate]:
    """The ready ones; if there is none, those that serve while they terminate."""
    group = list(group)
    return [c for c in group if c.is_ready] or [c for c in group if c.is_serving and c.is_terminating]


def categorize(port: ForwardedPort, found: list[Candidate], place: ProxyPlace) -> PortEndpoints:
    """Sort a service port's endpoints by who may be sent to them."""
    everywhere = usable(found)
    cluster = _weighty(_near(everywhere, place)) if port.uses_cluster_endpoints else []
    local = _weighty(usable(c for c in found if c.is_local)) if port.uses_local_endpoints else []
    here = {c.target for c in (*cluster, *local) if c.is_local}
    return PortEndpoints(
        cluster=tuple(c.target for c in cluster),
        local=tuple(c.target for c in local),
        has_any=bool(everywhere),
        local_targets=tuple(sorted(here)),
        weights={c.target: c.weight for c in (*cluster, *local) if c.weight > 1},
        serving=tuple(c.target for c in found if c.is_ready or c.is_serving),
    )


def _weighty(group: list[Candidate]) -> list[Candidate]:
    """The endpoints with a positive weight; all endpoints if no weight is positive."""
    return [c for c in group if c.weight] or group


def _near(everywhere: list[Candidate], place: ProxyPlace) -> list[Candidate]:
    """Narrow to the endpoints hinted for this node, else for this zone; all when the hints do not cover us."""
    if not all(c.is_ready for c in everywhere):
        return everywhere
    if all(c.nodes for c in everywhere) and (mine := [c for c in everywhere if place.node in c.nodes]):
        return mine
    if place.zone and all(c.zones for c in everywhere):
        return [c for c in everywhere if place.zone in c.zones] or everywhere
    return everywhere
