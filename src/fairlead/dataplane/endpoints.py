"""Which endpoints of a service port may be used, and from where.

*Usable* is decided once, here: ready endpoints; where there is no ready one, those that still serve while they
terminate (KEP-1669). The rule is applied to the whole cluster and to this node independently. Topology hints
(KEP-2433, KEP-4444) narrow the cluster's ready endpoints only when every one of them has a hint.
Semantics: upstream's ``pkg/proxy/topology.go`` and ``pkg/proxy/endpointslicecache.go``.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from fairlead.dataplane.service_ports import ForwardedPort, canonical_ip
from fairlead.model.addresses import IPFamily
from fairlead.model.objects import HEADLESS_LABEL, Endpoint, EndpointHints, EndpointSlice
from fairlead.netfilter.ruleset import Target


class Place(NamedTuple):
    """Where this proxy runs: the node's name and its topology zone, if it has one."""

    node: str
    zone: str | None


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One endpoint of a service port."""

    target: Target
    is_ready: bool
    is_serving: bool
    is_terminating: bool
    is_local: bool
    zones: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


class Endpoints(msgspec.Struct, frozen=True, gc=False):
    """The endpoints of a service port as this node uses them, each group in order of address and port.

    Attributes:
        cluster: for traffic that may go anywhere. local: for traffic that must stay on this node.
        has_any: whether there is a usable endpoint anywhere, reachable under the policies or not.
        local_targets: those of either group that run on this node (only they can talk to themselves through it).
        serving: all that answer, wherever they are and whoever may be sent there: flows to others are stale.
    """

    cluster: tuple[Target, ...] = ()
    local: tuple[Target, ...] = ()
    has_any: bool = False
    local_targets: tuple[Target, ...] = ()
    serving: tuple[Target, ...] = ()


def candidates(port: ForwardedPort, slices: Iterable[EndpointSlice], family: IPFamily, place: Place) -> list[Candidate]:
    """The endpoints that the slices list for a service port; of an address listed twice, the one not terminating."""
    found: dict[Target, Candidate] = {}
    for slice_ in slices:
        if slice_.address_type != family or HEADLESS_LABEL in slice_.labels:
            continue
        for number in _port_numbers(slice_, port):
            for endpoint in slice_.endpoints or ():
                _collect(found, endpoint, number, place)
    return [found[target] for target in sorted(found)]


def _port_numbers(slice_: EndpointSlice, port: ForwardedPort) -> list[int]:
    wanted = (port.name.port, port.name.protocol)
    return [p.port for p in slice_.ports or () if p.port and ((p.name or ""), (p.protocol or "TCP")) == wanted]


def _collect(found: dict[Target, Candidate], endpoint: Endpoint, number: int, place: Place) -> None:
    address = canonical_ip(endpoint.addresses[0]) if endpoint.addresses else None
    if address is None:
        return
    candidate = _candidate(endpoint, Target(address, number), place)
    other = found.get(candidate.target)
    if other is None or (other.is_terminating and not candidate.is_terminating):
        found[candidate.target] = candidate


def _candidate(endpoint: Endpoint, target: Target, place: Place) -> Candidate:
    hints = endpoint.hints or EndpointHints()
    return Candidate(
        target=target,
        is_ready=endpoint.is_ready,
        is_serving=endpoint.is_serving,
        is_terminating=endpoint.is_terminating,
        is_local=endpoint.node_name == place.node,
        zones=tuple(hint.name for hint in hints.for_zones or ()),
        nodes=tuple(hint.name for hint in hints.for_nodes or ()),
    )


def usable(group: Iterable[Candidate]) -> list[Candidate]:
    """The ready ones; if there is none, those that serve while they terminate."""
    group = list(group)
    return [c for c in group if c.is_ready] or [c for c in group if c.is_serving and c.is_terminating]


def categorize(port: ForwardedPort, found: list[Candidate], place: Place) -> Endpoints:
    """Sort a service port's endpoints by who may be sent to them."""
    everywhere = usable(found)
    cluster = _near(everywhere, place) if port.uses_cluster_endpoints else []
    local = usable(c for c in found if c.is_local) if port.uses_local_endpoints else []
    here = {c.target for c in (*cluster, *local) if c.is_local}
    return Endpoints(
        cluster=tuple(c.target for c in cluster),
        local=tuple(c.target for c in local),
        has_any=bool(everywhere),
        local_targets=tuple(sorted(here)),
        serving=tuple(c.target for c in found if c.is_ready or c.is_serving),
    )


def _near(everywhere: list[Candidate], place: Place) -> list[Candidate]:
    """Narrow to the endpoints hinted for this node, else for this zone; all when the hints do not cover us."""
    if not all(c.is_ready for c in everywhere):
        return everywhere
    if all(c.nodes for c in everywhere) and (mine := [c for c in everywhere if place.node in c.nodes]):
        return mine
    if place.zone and all(c.zones for c in everywhere):
        return [c for c in everywhere if place.zone in c.zones] or everywhere
    return everywhere
