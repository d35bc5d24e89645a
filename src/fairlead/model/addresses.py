"""IP families and addresses in the spellings that Kubernetes uses."""

import enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


class IPFamily(enum.StrEnum):
    """An IP family, spelled as in ``Service.spec.ipFamilies`` and ``EndpointSlice.addressType``."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


def family_of(address: str) -> IPFamily:
    """The family of a textual address, told by its colon; the text is not otherwise checked."""
    return IPFamily.IPV6 if ":" in address else IPFamily.IPV4


def parse_ip(text: str) -> IPAddress | None:
    """The address that ``text`` spells, or None. IPv4 octets with leading zeros are refused (CVE-2021-29923)."""
    try:
        return ip_address(text)
    except ValueError:
        return None
