"""The subsets of Endpoints in the one form that all writers agree on.

Each set of addresses that offers the same ports is one subset: a port that only some Pods have gets a subset of its own
beside the ports that all have. Addresses, ports and subsets are in order, so that equal endpoints are equal text.
Upstream: ``pkg/api/v1/endpoints/util.go`` (RepackSubsets), whose order of ports and subsets is that of hashes.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import structs

from fairlead.model.endpoints import EndpointAddress, EndpointSubset
from fairlead.model.objects import EndpointPort

_NO_PORT = EndpointPort()  # under which addresses without any port are filed
_AddressKey = tuple[str, str]


class Offer(NamedTuple):
    """One address that offers ports, or none."""

    address: EndpointAddress
    is_ready: bool
    ports: tuple[EndpointPort, ...]


def pack_subsets(offers: Iterable[Offer]) -> tuple[EndpointSubset, ...]:
    """The fewest subsets that say this; an address that is unready for a port in one place is unready for it."""
    addresses: dict[_AddressKey, EndpointAddress] = {}
    on_port: dict[EndpointPort, dict[_AddressKey, bool]] = {}
    for offer in offers:
        key = _address_key(offer.address)
        addresses[key] = offer.address
        for port in map(_plain_port, offer.ports or (_NO_PORT,)):
            ready = on_port.setdefault(port, {})
            ready[key] = ready.get(key, True) and offer.is_ready
    ports_of: dict[frozenset[tuple[_AddressKey, bool]], list[EndpointPort]] = {}
    for port, ready in on_port.items():
        ports_of.setdefault(frozenset(ready.items()), []).append(port)
    subsets = (_subset(dict(ready), ports, addresses) for ready, ports in ports_of.items())
    return tuple(sorted(subsets, key=lambda subset: [_port_order(port) for port in subset.ports or ()]))


def repack(subsets: Iterable[EndpointSubset]) -> tuple[EndpointSubset, ...]:
    """The endpoints in canonical form."""
    return pack_subsets(
        Offer(address, is_ready, subset.ports or ())
        for subset in subsets
        for is_ready, listed in ((True, subset.addresses), (False, subset.not_ready_addresses))
        for address in listed or ()
    )


def _subset(
    ready: dict[_AddressKey, bool], ports: list[EndpointPort], addresses: dict[_AddressKey, EndpointAddress]
) -> EndpointSubset:
    in_order = sorted(ready)
    return EndpointSubset(
        tuple(addresses[key] for key in in_order if ready[key]) or None,
        tuple(addresses[key] for key in in_order if not ready[key]) or None,
        tuple(sorted((port for port in ports if port != _NO_PORT), key=_port_order)) or None,
    )


def _plain_port(port: EndpointPort) -> EndpointPort:
    """A port without a name is written with none, by some as an empty one."""
    return structs.replace(port, name=port.name or None, protocol=port.protocol or "TCP") if port != _NO_PORT else port


def _port_order(port: EndpointPort) -> tuple[str, int, str, str]:
    return port.name or "", port.port or 0, port.protocol or "", port.app_protocol or ""


def _address_key(address: EndpointAddress) -> _AddressKey:
    return address.ip, (address.target_ref.uid or "") if address.target_ref else ""
