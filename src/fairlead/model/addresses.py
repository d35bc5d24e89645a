"""IP families and addresses in the spellings that Kubernetes uses."""

import enum
import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_USUAL_IPV4 = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}")


class IPFamily(enum.StrEnum):
    """An IP family, spelled as in ``Service.spec.ipFamilies`` and ``EndpointSlice.addressType``."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


EVERY_ADDRESS = {IPFamily.IPV4: "0.0.0.0", IPFamily.IPV6: "::"}  # noqa: S104 - where a server for clients outside listens


def family_of(address: str) -> IPFamily:
    """The family of a textual address, recognised by a colon; the text is not checked otherwise."""
    return IPFamily.IPV6 if ":" in address else IPFamily.IPV4


def overlap(one: IPNetwork, other: IPNetwork) -> bool:
    """Whether two networks have an address in common; those of two families have none."""
    return one.version == other.version and one.overlaps(other)


def is_within(inner: IPNetwork, outer: IPNetwork) -> bool:
    """Whether a network is a part of another, or all of it; those of two families never are."""
    return overlap(inner, outer) and inner.prefixlen >= outer.prefixlen


def first_of(family: IPFamily, texts: Iterable[str]) -> str | None:
    """The first address, or network in CIDR notation, of a family."""
    return next((text for text in texts if family_of(text) == family), None)


@lru_cache(maxsize=1024)  # one request asks of the same few addresses again and again
def parse_ip(text: str) -> IPAddress | None:
    """The address that ``text`` spells, or None. IPv4 octets with leading zeros are refused (CVE-2021-29923)."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def unmapped(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 address stands for, or else the address itself: a socket connects to the former."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_one_hosts(address: IPAddress) -> bool:
    """Whether an address is that of one host on a network, in its own spelling: such as may be connected to on
    another user's behalf. Others mean this machine, this link, many hosts, or are hidden in another family's."""
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or int(address) < 1 << 32):
        return False
    is_special = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return not is_special and address != IPv4Address("255.255.255.255")


def without_leading_zeros(address: str) -> str:
    """An IPv4 address in octets without leading zeros: objects older than their refusal may have them."""
    return address if ":" in address else ".".join(octet.lstrip("0") or "0" for octet in address.split("."))


def canonical_ip(text: str) -> str | None:
    """The usual spelling of an address, None for what is none; the quick way for IPv4 that is spelled so already."""
    if _USUAL_IPV4.fullmatch(text):
        return text
    address = parse_ip(without_leading_zeros(text.strip()))
    return None if address is None else str(address)
