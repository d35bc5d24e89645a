"""Addresses and networks: apiserver ``pkg/cel/library/{ip,cidr}.go``.

IPv4-mapped IPv6 addresses, and zones, are refused, as upstream does.
"""

import ipaddress
from typing import Any

from celpy import celtypes

from fairlead.registry.cel.functions.results import Function, parses, truth, whole

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _address(given: str) -> Address:
    parsed = ipaddress.ip_address(str(given))
    if isinstance(parsed, ipaddress.IPv6Address) and (parsed.ipv4_mapped or parsed.scope_id):
        raise ValueError(f"IP Address {given!r} is mapped or has a zone, which is not allowed")
    return parsed


class Cidr:
    """A network, written with one of its addresses."""

    def __init__(self, given: str) -> None:
        host, slash, length = str(given).partition("/")
        if not slash or not length.isascii() or not length.isdigit() or (len(length) > 1 and length[0] == "0"):
            raise ValueError(f"network address {given!r} is no CIDR")
        self.address = _address(host)
        self.network: Network = ipaddress.ip_network(f"{host}/{length}", strict=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cidr) and (self.address, self.network) == (other.address, other.network)

    def __hash__(self) -> int:
        return hash((self.address, self.network))

    def __str__(self) -> str:
        return f"{self.address}/{self.network.prefixlen}"


def _ip(given: Any) -> Address:
    """Of a string, or of a network."""
    return given.address if isinstance(given, Cidr) else _address(given)


def _masked(cidr: Cidr) -> Cidr:
    return Cidr(str(cidr.network))


def _contains_ip(cidr: Cidr, given: Any) -> bool:
    address = _address(given) if isinstance(given, str) else given
    return address in cidr.network


def _contains_cidr(cidr: Cidr, given: Any) -> bool:
    other = Cidr(given) if isinstance(given, str) else given
    inner, outer = other.network, cidr.network
    same_family = inner.version == outer.version
    return bool(same_family and inner.network_address in outer and inner.broadcast_address in outer)


def _is_global(address: Address) -> bool:
    """By Go's definition, not by the registries': no special address."""
    special = address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    return not special and address != ipaddress.IPv4Address("255.255.255.255")


def _is_link_local_multicast(address: Address) -> bool:
    block = "224.0.0.0/24" if address.version == 4 else "ff02::/16"
    return address in ipaddress.ip_network(block)


def _string(value: Any) -> Any:
    if isinstance(value, Address | Cidr):
        return celtypes.StringType(str(value))
    return celtypes.StringType(value)


FUNCTIONS: dict[str, Function] = {
    "ip": _ip,
    "isIP": parses(_address),
    "ip.isCanonical": truth(lambda given: str(_address(given)) == given),
    "family": whole(lambda address: address.version),
    "isUnspecified": truth(lambda address: address.is_unspecified),
    "isLoopback": truth(lambda address: address.is_loopback),
    "isLinkLocalMulticast": truth(_is_link_local_multicast),
    "isLinkLocalUnicast": truth(lambda address: address.is_link_local),
    "isGlobalUnicast": truth(_is_global),
    "cidr": Cidr,
    "isCIDR": parses(Cidr),
    "containsIP": truth(_contains_ip),
    "containsCIDR": truth(_contains_cidr),
    "masked": _masked,
    "prefixLength": whole(lambda cidr: cidr.network.prefixlen),
    "string": _string,
}
