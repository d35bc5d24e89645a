"""Virtual IPs: which addresses of some ranges may be used, and which is given next.

Refuses an address outside the range or in use. Upstream: pkg/registry/core/service/ipallocator; KEP-3070 for the bands.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from fairlead.allocation.bands import Bands, RangeFull, choose_free, static_size
from fairlead.model.addresses import IPNetwork

STATIC_SHARE = 16
STATIC_LIMIT = 256


class AddressRefused(Exception):
    """The address that was asked for cannot be given; the text says why."""


@cache
def bands(cidr: str) -> Bands:
    """The usable addresses of a range as integers.

    IPv4 keeps back the network and the broadcast address, IPv6 only the first (the subnet-router anycast address).
    """
    network: IPNetwork = ip_network(cidr)
    first, last = int(network.network_address), int(network.broadcast_address)
    static = static_size(network.num_addresses, STATIC_SHARE, STATIC_LIMIT)
    return Bands(first + 1, last - 1 if network.version == 4 else last, static)


def check_in_range(cidrs: Sequence[str], ip: str) -> None:
    """Refuse an address that none of the ranges has.

    Raises:
        AddressRefused: it is outside of all ``cidrs``, or kept back.
    """
    address = ip_address(ip)
    containing = [cidr for cidr in cidrs if address in ip_network(cidr)]
    if not containing:
        raise AddressRefused("the provided network does not match the current range")
    if not any(int(address) in bands(cidr) for cidr in containing):
        reason = f"the provided IP ({ip}) is not in the valid range. The range of valid IPs is {containing[0]}"
        raise AddressRefused(reason)


def check_free(cidrs: Sequence[str], ip: str, is_taken: Callable[[str], bool]) -> None:
    """Refuse an address that cannot be taken.

    Raises:
        AddressRefused: it is not in range, or in use.
    """
    check_in_range(cidrs, ip)
    if is_taken(str(ip_address(ip))):
        raise AddressRefused("provided IP is already allocated")


def choose_address(cidrs: Sequence[str], is_taken: Callable[[str], bool], choose: Callable[[int], int]) -> str:
    """A free address of the first range that has one, in canonical text.

    Raises:
        RangeFull: none is free.
    """
    for cidr in cidrs:
        with suppress(RangeFull):
            return _choose_in(cidr, is_taken, choose)
    raise RangeFull


def _choose_in(cidr: str, is_taken: Callable[[str], bool], choose: Callable[[int], int]) -> str:
    kind = _kind_of(cidr)
    number = choose_free(bands(cidr), lambda number: is_taken(str(kind(number))), choose)
    return str(kind(number))


@cache
def _kind_of(cidr: str) -> type[IPv4Address] | type[IPv6Address]:
    return type(ip_network(cidr).network_address)


def base_address(cidr: str) -> str:
    """The range's own address, which is never given: what a dry run shows."""
    return str(ip_network(cidr).network_address)
