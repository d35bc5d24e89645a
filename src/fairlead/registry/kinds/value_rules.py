"""Rules for single values that several kinds share: addresses, ranges, ports.

Each gives the reasons why a value is wrong, in upstream's words (apimachinery ``pkg/util/validation``); an empty list
when it is right. Addresses are read strictly: no leading zeros, no IPv4 address inside an IPv6 one (KEP-4858).
"""

import re
from ipaddress import IPv6Address, IPv6Network, ip_interface, ip_network
from typing import Any

from fairlead.model.addresses import is_one_hosts, parse_ip, unmapped
from fairlead.registry.field_errors import NOT_LOOPBACK, FieldError, invalid, not_supported

PROTOCOLS = ("SCTP", "TCP", "UDP")

_PORT_NAME_MAX = 15  # RFC 6335 section 5.1
_PORT_NAME, _LETTER = re.compile("[-a-z0-9]+"), re.compile("[a-z]")
_LONGEST_PREFIX_LENGTH = 8  # digits, leading zeros among them, to tell them from nonsense
_LONGEST_PERCENTAGE = 10
_BAD_PERCENTAGE = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)
_BAD_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_BAD_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"

_LEADING_ZEROS, _MAPPED = "must not have leading 0s", "must not be an IPv4-mapped IPv6 address"
_LEADING_ZEROS_OF_CIDR = "must not have leading 0s in IP or prefix length"
_MAPPED_CIDR, _BITS_BEYOND = (
    "must not have an IPv4-mapped IPv6 address",
    "must not have bits set beyond the prefix length",
)
# Values that were allowed earlier stay valid in existing objects (KEP-4858).
LATER_REFUSED = frozenset({_LEADING_ZEROS, _MAPPED, _LEADING_ZEROS_OF_CIDR, _MAPPED_CIDR, _BITS_BEYOND})


def one_of(path: str, value: Any, supported: tuple[str, ...]) -> list[FieldError]:
    """The fault of a value that is not in a closed set."""
    return [] if value in supported else [not_supported(path, value, supported)]


def ip_errors(text: str) -> list[str]:
    """Reasons why ``text`` is not an IP address."""
    if "%" in text:
        return [_BAD_IP]
    address = parse_ip(text)
    if address is None:
        return [_LEADING_ZEROS] if parse_ip(_without_leading_zeros(text)) else [_BAD_IP]
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped
    return [_MAPPED] if mapped else []


def _without_leading_zeros(text: str) -> str:
    """The text as older versions read it, without leading zeros, which remain valid in an IPv6 address."""
    if ":" in text:
        return text
    return ".".join(part.lstrip("0") or "0" for part in text.split("."))


def special_ip_errors(path: str, text: str) -> list[FieldError]:
    """Faults of an address that cannot be that of an endpoint: it means "here" or "on this link"."""
    parsed = parse_ip(text)
    if parsed is None:
        return []
    address = unmapped(parsed)
    link_local_multicast = ip_network("ff02::/16" if address.version == 6 else "224.0.0.0/24")
    reasons = {
        "may not be unspecified (0.0.0.0 or ::)": address.is_unspecified,
        NOT_LOOPBACK: address.is_loopback,
        "may not be in the link-local range (169.254.0.0/16, fe80::/10)": address.is_link_local,
        "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)": address in link_local_multicast,
    }
    return [invalid(path, text, reason) for reason, applies in reasons.items() if applies]


def host_ip_errors(path: str, text: str) -> list[FieldError]:
    """Faults of an address to which others connect because it is in an object: it must be one host's."""
    if faults := [invalid(path, text, detail) for detail in ip_errors(text)] or special_ip_errors(path, text):
        return faults
    address = parse_ip(text)
    is_fit = address is None or is_one_hosts(address)
    return [] if is_fit else [invalid(path, text, "must be the address of one host")]


def cidr_errors(text: str) -> list[str]:
    """Reasons why ``text`` is not a range of addresses."""
    address_text, _, length = text.rpartition("/")
    plain = _without_leading_zeros(address_text)
    address = None if "%" in plain else parse_ip(plain)
    is_length = length.isascii() and length.isdigit() and len(length) <= _LONGEST_PREFIX_LENGTH
    if address is None or not is_length or int(length) > address.max_prefixlen:
        return [_BAD_CIDR]
    if plain != address_text or length != str(int(length)):
        return [_LEADING_ZEROS_OF_CIDR]
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return [_MAPPED_CIDR]
    interface = ip_interface(text)
    if interface.ip != interface.network.network_address:
        return [_BITS_BEYOND]
    return []


def ip_warnings(path: str, text: str) -> list[str]:
    """The warning about a valid address that is not in the form of RFC 5952."""
    address = parse_ip(text)
    if not isinstance(address, IPv6Address) or str(address) == text:
        return []
    return [f'{path}: IPv6 address "{text}" should be in RFC 5952 canonical format ("{address}")']


def cidr_warnings(path: str, text: str) -> list[str]:
    """The warning about a valid range that is not in the form of RFC 5952."""
    if cidr_errors(text):
        return []
    network = ip_network(text)
    if not isinstance(network, IPv6Network) or str(network) == text:
        return []
    return [f'{path}: IPv6 CIDR value "{text}" should be in RFC 5952 canonical format ("{network}")']


def amount_errors(value: int | str, at_most_all: bool = True) -> list[str]:
    """Reasons why a value is neither a number of things nor a percentage of them as text.

    Args:
        at_most_all: a percentage may not be above 100.
    """
    if isinstance(value, int):
        return [] if value >= 0 else ["must be greater than or equal to 0"]
    if len(value) > _LONGEST_PERCENTAGE or not re.fullmatch("[0-9]+%", value):
        return [_BAD_PERCENTAGE]
    return ["must not be greater than 100%"] if at_most_all and int(value[:-1]) > 100 else []


def port_errors(port: int) -> list[str]:
    """Reasons why a number is not a port."""
    return [] if 1 <= port <= 65535 else ["must be between 1 and 65535, inclusive"]


def port_name_errors(name: str) -> list[str]:
    """Reasons why a name is not one of RFC 6335 section 5.1, as container ports have."""
    reasons = {
        f"must be no more than {_PORT_NAME_MAX} bytes": len(name) > _PORT_NAME_MAX,
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)": not _PORT_NAME.fullmatch(name),
        "must contain at least one letter (a-z)": not _LETTER.search(name),
        "must not contain consecutive hyphens": "--" in name,
        "must not begin or end with a hyphen": name.startswith("-") or name.endswith("-"),
    }
    return [reason for reason, applies in reasons.items() if applies]


def port_or_name_errors(value: int | str) -> list[str]:
    """Reasons why a value is neither a port number nor a port name."""
    return port_errors(value) if isinstance(value, int) else port_name_errors(value)
