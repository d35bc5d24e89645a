"""What the EndpointSlices of a Service say to DNS: ready addresses, endpoint names, SRV rows.

Refuses: endpoints that are not ready (``conditions.ready`` false; nil is ready), whatever their ``serving`` and
``terminating`` say, and slices whose address type is not an IP family. ``publishNotReadyAddresses`` needs nothing here,
for the slice controller expresses it as readiness.

Facts are derived once per slice object and remembered: one name of a headless Service with 3,000 endpoints costs a
look-up in each of its 30 slices, and one changed endpoint costs its own slice.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple, TypeVar

from fairlead.clusterdns.names import LABEL_MAX, dashed
from fairlead.model.addresses import parse_ip
from fairlead.model.objects import Endpoint, EndpointPort, EndpointSlice

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED_SLICES = 1024  # of at most 100 endpoints by default: bounds the memory, about 20 MB when full
_OCTETS = {"IPv4": 4, "IPv6": 16}


class Facts(NamedTuple):
    """One slice as DNS sees it; addresses in wire form.

    Attributes:
        names: the addresses behind each endpoint name.
        names_by_address: the endpoint names of each address.
        rows: (endpoint name, address) of each ready endpoint, in the slice's order.
    """

    octets: int
    names: dict[str, tuple[bytes, ...]]
    names_by_address: dict[bytes, tuple[str, ...]]
    rows: tuple[tuple[str, bytes], ...]
    ports: tuple[EndpointPort, ...]


class _Same:
    """A slice as a dictionary key, by identity: the objects are immutable, and comparing contents would cost O(n)."""

    __slots__ = ("pod_names", "slice")

    def __init__(self, slice_: EndpointSlice, pod_names: bool) -> None:
        self.slice = slice_
        self.pod_names = pod_names

    def __hash__(self) -> int:
        return id(self.slice)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.slice is other.slice and self.pod_names == other.pod_names


def facts_of(slices: Iterable[EndpointSlice], pod_names: bool) -> list[Facts]:
    """What each slice with IP addresses says, in the order of their names, so that answers do not depend on history.

    ``pod_names`` names an endpoint without a host name after its Pod, where that fits a label.
    """
    usable = sorted((s for s in slices if s.address_type in _OCTETS), key=lambda s: s.name)
    return [_remembered(_Same(slice_, pod_names)) for slice_ in usable]


def packed(address: str) -> bytes:
    """The wire form of a textual address; IPv4 goes the short way, there being thousands."""
    return bytes(map(int, address.split("."))) if "." in address and ":" not in address else ip_address(address).packed


@lru_cache(maxsize=REMEMBERED_SLICES)
def _remembered(same: _Same) -> Facts:
    slice_ = same.slice
    ready = [e for e in slice_.endpoints or () if e.is_ready and e.addresses and parse_ip(e.addresses[0])]
    rows = tuple((_endpoint_name(e, same.pod_names), packed(e.addresses[0])) for e in ready)
    return Facts(
        _OCTETS[slice_.address_type],
        _grouped(rows),
        _grouped((address, name) for name, address in rows),
        rows,
        tuple(slice_.ports or ()),
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
