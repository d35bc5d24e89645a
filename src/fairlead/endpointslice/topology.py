"""Hints of a Service in topology mode Auto: every zone gets endpoints in proportion to its CPUs (KEP-2433).

A zone may be given fewer endpoints than its share by so much that each of them carries 20 % more than its fair load,
and no fewer; where that cannot be had there are no hints at all, and the Service is told why. Hints that are there stay
while they do, since each change is heard by every proxy. The mode goes before ``spec.trafficDistribution``.
Upstream: ``staging/src/k8s.io/endpointslice/topologycache``. It cannot move hints of slices that it does not write
anyway; here those that are in the way of a zone's minimum are given out again.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from msgspec.structs import replace

from fairlead.endpointslice.membership import SliceMember
from fairlead.model.objects import Endpoint, EndpointHints, EndpointSlice, Node, Service, TopologyHint
from fairlead.model.quantities import quantity

MODE_ANNOTATION = "service.kubernetes.io/topology-mode"
DEPRECATED_ANNOTATION = "service.kubernetes.io/topology-aware-hints"
CONTROL_PLANE_LABELS = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
OVERLOAD = Fraction(1, 5)

ENABLED = "Topology Aware Hints has been enabled"
DISABLED = "Topology Aware Hints has been disabled"
NO_NODE_INFORMATION = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
ONE_ZONE = "Nodes only ready in one zone"
FEW_ENDPOINTS = "Insufficient number of endpoints"
OVERLOADED = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"
NO_ZONE = "One or more endpoints do not have a zone specified"

Shares = Mapping[str, Fraction]
Address = tuple[str, ...]  # all addresses of an endpoint, which identify it


class NoHints(Exception):
    """There can be no hints; the message says why."""


class Hinted(NamedTuple):
    """The members of a Service with their hints, and the message about them: ``ENABLED`` or a reason."""

    members: tuple[SliceMember, ...]
    message: str


def is_automatic(service: Service) -> bool:
    """Whether the Service asks for hints in proportion to CPUs."""
    annotations = service.annotations
    return annotations.get(DEPRECATED_ANNOTATION, annotations.get(MODE_ANNOTATION)) in ("Auto", "auto")


class ZoneCapacity:
    """The CPUs of the Nodes that count, by zone; kept up to date at the cost of each change."""

    def __init__(self) -> None:
        self._cpus: Counter[str] = Counter()  # thousandths of a CPU
        self._unclear: set[str] = set()  # names of Nodes that do not say where they are, or how many CPUs they have

    def put(self, old: Node | None, new: Node | None) -> bool:
        """Take in a change of a Node; whether shares may have changed."""
        before, after = _place(old), _place(new)
        if before == after:
            return False
        for node, place, sign in ((old, before, -1), (new, after, 1)):
            if node and place:
                self._count(node.name, place, sign)
        return True

    def _count(self, name: str, place: tuple[str, int], sign: int) -> None:
        zone, cpus = place
        if not zone or not cpus:
            (self._unclear.add if sign > 0 else self._unclear.discard)(name)
            return
        self._cpus[zone] += sign * cpus
        if not self._cpus[zone]:
            del self._cpus[zone]

    @property
    def shares(self) -> Shares:
        """Each zone's share of all CPUs; empty if a Node does not report its CPUs or zone."""
        if self._unclear:
            return {}
        total = self._cpus.total()
        return {zone: Fraction(cpus, total) for zone, cpus in sorted(self._cpus.items())}


def _place(node: Node | None) -> tuple[str, int] | None:
    """Zone and thousandths of a CPU; None for a Node that does not count."""
    if node is None or not node.is_ready or any(label in node.labels for label in CONTROL_PLANE_LABELS):
        return None
    cpus = quantity((node.status.allocatable or {}).get("cpu", "0")) or 0
    return node.zone or "", ceil(1000 * cpus)


def zones_now(slices: Iterable[EndpointSlice]) -> dict[Address, str]:
    """The zone for which each endpoint is hinted, where it is exactly one."""
    hinted = (endpoint for slice_ in slices for endpoint in slice_.endpoints or ())
    return {endpoint.addresses: zones[0].name for endpoint in hinted if len(zones := _zones(endpoint)) == 1}


def _zones(endpoint: Endpoint) -> tuple[TopologyHint, ...]:
    return (endpoint.hints.for_zones if endpoint.hints else None) or ()


def hint_zones(members: Sequence[SliceMember], now: Mapping[Address, str], shares: Shares) -> Hinted:
    """The members, each ready one hinted for one zone; none of them hinted when the zones cannot be served fairly."""
    ready = [member.endpoint for member in members if member.endpoint.is_ready]
    try:
        zones = choose_zones(ready, now, shares)
    except NoHints as reason:
        return Hinted(tuple(members), str(reason))
    return Hinted(tuple(member._replace(endpoint=_hint(member.endpoint, zones)) for member in members), ENABLED)


def _hint(endpoint: Endpoint, zones: Mapping[Address, str]) -> Endpoint:
    zone = zones.get(endpoint.addresses) if endpoint.is_ready else None
    return replace(endpoint, hints=EndpointHints(for_zones=(TopologyHint(zone),))) if zone else endpoint


class Quota(NamedTuple):
    """How many endpoints a zone may have, and how many it ought to."""

    minimum: int
    maximum: int
    desired: Fraction


def quotas(endpoints: int, shares: Shares) -> dict[str, Quota]:
    """The quota of each zone.

    Raises:
        NoHints: the zones cannot be served fairly by so many endpoints.
    """
    if len(shares) < 2:
        raise NoHints(ONE_ZONE if shares else NO_NODE_INFORMATION)
    counts = f"({endpoints} endpoints, {len(shares)} zones)"
    if len(shares) > endpoints:
        raise NoHints(f"{FEW_ENDPOINTS} {counts}")
    minimum = {zone: ceil(share * endpoints / (1 + OVERLOAD)) for zone, share in shares.items()}
    spare = endpoints - sum(minimum.values())
    if spare < 0:
        raise NoHints(f"{OVERLOADED} {counts}")
    return {
        zone: Quota(least, least + spare, max(shares[zone] * endpoints, Fraction(least)))
        for zone, least in minimum.items()
    }


def choose_zones(ready: Sequence[Endpoint], now: Mapping[Address, str], shares: Shares) -> dict[Address, str]:
    """The zone that each endpoint is to serve.

    Args:
        now: the zones that endpoints serve already.

    Raises:
        NoHints: the zones cannot be served fairly.
    """
    by_zone = quotas(len(ready), shares)
    if not all(endpoint.zone for endpoint in ready):
        raise NoHints(NO_ZONE)
    kept = _keepable(ready, now, by_zone)
    zones = _complete(ready, kept, by_zone)
    counts = Counter(zones.values())
    if kept and any(not quota.minimum <= counts[zone] <= quota.maximum for zone, quota in by_zone.items()):
        return _complete(ready, {}, by_zone)
    return zones


def _keepable(
    ready: Sequence[Endpoint], now: Mapping[Address, str], by_zone: Mapping[str, Quota]
) -> dict[Address, str]:
    counts: Counter[str] = Counter()
    kept = {}
    for endpoint in ready:
        zone = now.get(endpoint.addresses, "")
        if zone in by_zone and counts[zone] < by_zone[zone].maximum:
            counts[zone] += 1
            kept[endpoint.addresses] = zone
    return kept


def _complete(
    ready: Sequence[Endpoint], kept: Mapping[Address, str], by_zone: Mapping[str, Quota]
) -> dict[Address, str]:
    """An endpoint that serves no zone yet serves its own, unless that has no ready Nodes or another needs it more."""
    free = {e.addresses: e.zone or "" for e in ready if e.addresses not in kept}
    zones = dict(kept) | {address: zone for address, zone in free.items() if zone in by_zone}
    counts = Counter(zones.values())
    for address in [address for address in free if address not in zones]:
        zones[address] = max(by_zone, key=lambda zone: by_zone[zone].desired - counts[zone])
        counts[zones[address]] += 1
    wanted = _balanced(counts, by_zone)
    giving, takers = counts - wanted, deque((wanted - counts).elements())
    for address in free:
        if giving[zones[address]] and takers:
            giving[zones[address]] -= 1
            zones[address] = takers.popleft()
    return zones


def _balanced(counts: Counter[str], by_zone: Mapping[str, Quota]) -> Counter[str]:
    """How many endpoints each zone ends with."""
    balanced = counts.copy()
    while move := _next_move(balanced, by_zone):
        giver, taker = move
        balanced[giver] -= 1
        balanced[taker] += 1
    return balanced


def _next_move(counts: Mapping[str, int], by_zone: Mapping[str, Quota]) -> tuple[str, str] | None:
    """From the zone with the most endpoints beyond its share to the one that lacks the most, unless that helps nobody
    by half an endpoint; then to one that has fewer than it must."""
    beyond = {zone: counts[zone] - quota.desired for zone, quota in by_zone.items()}
    giver, taker = max(beyond, key=beyond.__getitem__), min(beyond, key=beyond.__getitem__)
    surplus, need = beyond[giver], -beyond[taker]
    if max(surplus, need) >= 1 and min(surplus, need) >= Fraction(1, 2):
        return giver, taker
    starved = [zone for zone, quota in by_zone.items() if counts[zone] < quota.minimum]
    if not starved:
        return None
    return max(by_zone, key=lambda zone: counts[zone] - by_zone[zone].minimum), starved[0]
