"""The data of a Service's EndpointSlices that DNS uses: ready addresses, endpoint names, SRV rows.

Refuses: endpoints that are not ready (``conditions.ready`` false; nil is ready), whatever their ``serving`` and
``terminating`` say, and slices whose address type is not an IP family. ``publishNotReadyAddresses`` needs no code here,
because the slice controller expresses it as readiness.

Facts are derived once for each slice object and cached: one name of a headless Service with 3,000 endpoints costs a
    look-up in each of its 30 slices, and one changed endpoint costs the derivation of its own slice.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple, TypeVar

from fairlead.clusterdns.clusterset import SOURCE_CLUSTER_LABEL
from fairlead.clusterdns.names import LABEL_MAX, Name, dashed
from fairlead.clusterdns.zone import Zone
from fairlead.model.addresses import parse_ip
from fairlead.model.objects import Endpoint, EndpointPort, EndpointSlice

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED_SLICES = 1024  # of at most 100 endpoints by default: bounds the memory, about 20 MB when full
_OCTETS = {"IPv4": 4, "IPv6": 16}


class EndpointRow(NamedTuple):
    """One ready endpoint; the topology zone as its slice spells it."""

    name: str
    address: bytes
    topology_zone: str | None


class SliceFacts(NamedTuple):
    """One slice as DNS sees it; addresses in binary form.

    Attributes:
        names: the addresses behind each endpoint name.
        names_by_address: the endpoint names of each address.
        hostnames: the names among them that are host names, not addresses or Pods' names.
        rows: each ready endpoint, in the slice's order.
        cluster: in a cluster set, the one label of the cluster that the endpoints are in.
    """

    octets: int
    names: dict[str, tuple[bytes, ...]]
    names_by_address: dict[bytes, tuple[str, ...]]
    hostnames: frozenset[str]
    rows: tuple[EndpointRow, ...]
    ports: tuple[EndpointPort, ...]
    cluster: Name

    def within(self, topology_zone: str) -> dict[str, tuple[bytes, ...]]:
        """The addresses behind each endpoint name, of the endpoints in one topology zone (in lower case) alone."""
        inside = (row for row in self.rows if row.topology_zone and row.topology_zone.lower() == topology_zone)
        return _grouped((row.name, row.address) for row in inside)


class _Same:
    """A slice as a dictionary key, by identity: the objects are immutable, and comparing contents would cost O(n)."""

    __slots__ = ("of_clusterset", "pod_names", "slice")

    def __init__(self, slice_: EndpointSlice, pod_names: bool, of_clusterset: bool) -> None:
        self.slice = slice_
        self.pod_names = pod_names
        self.of_clusterset = of_clusterset

    def __hash__(self) -> int:
        return id(self.slice)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.slice is other.slice and self.pod_names == other.pod_names


def facts_of(slices: Iterable[EndpointSlice], zone: Zone) -> list[SliceFacts]:
    """What each slice with IP addresses says, in the order of their names, so that answers do not depend on history."""
    if not zone.endpoints:
        return []
    pod_names, imported = zone.endpoint_pod_names, zone.of_clusterset
    usable = sorted((s for s in slices if s.address_type in _OCTETS), key=lambda s: s.name)
    return [_remembered(_Same(slice_, pod_names, imported)) for slice_ in usable]


def packed(address: str) -> bytes:
    """The binary form of a textual address; IPv4 has a faster path because there are thousands."""
    return bytes(map(int, address.split("."))) if "." in address and ":" not in address else ip_address(address).packed


@lru_cache(maxsize=REMEMBERED_SLICES)
def _remembered(same: _Same) -> SliceFacts:
    slice_ = same.slice
    ready = [e for e in slice_.endpoints or () if e.is_ready and e.addresses and parse_ip(e.addresses[0])]
    rows = tuple(EndpointRow(_endpoint_name(e, same.pod_names), packed(e.addresses[0]), e.zone) for e in ready)
    return SliceFacts(
        _OCTETS[slice_.address_type],
        _grouped((row.name, row.address) for row in rows),
        _grouped((row.address, row.name) for row in rows),
        frozenset(e.hostname for e in ready if e.hostname),
        rows,
        tuple(slice_.ports or ()),
        (slice_.labels[SOURCE_CLUSTER_LABEL],) if same.of_clusterset else (),
    )


def _endpoint_name(endpoint: Endpoint, pod_names: bool) -> str:
    if endpoint.hostname:
        return endpoint.hostname
    pod = endpoint.target_ref.name if pod_names and endpoint.target_ref else ""
    return pod if 0 < len(pod) <= LABEL_MAX else dashed(endpoint.addresses[0])


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, tuple[V, ...]]:
    groups: dict[K, dict[V, None]] = {}
    for key, value in pairs:
        groups.setdefault(key, {})[value] = None
    return {key: tuple(values) for key, values in groups.items()}
