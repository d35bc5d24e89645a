"""The packets by which a host learns who has an address on its link: ARP for IPv4, Neighbour Discovery for IPv6.

Octets in, octets out. RFC 826 and RFC 5227 (ARP and its announcements), RFC 4861 sections 4.3, 4.4 and 7.1.1.
Ethernet and IPv6 headers, and the ICMPv6 checksum, are the kernel's business.
"""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

REQUEST, REPLY = 1, 2
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET, _IPV4 = 1, 0x0800
_NOBODY = bytes(6)

SOLICITATION, ADVERTISEMENT = 135, 136
_NEIGHBOUR = struct.Struct("!BBHI16s")
_TARGET_LINK_LAYER_ADDRESS = 2
_SOLICITED, _OVERRIDE = 0x40000000, 0x20000000
_UNSPECIFIED = IPv6Address("::")
ALL_NODES = "ff02::1"


class ArpRequest(NamedTuple):
    """Somebody asks who has ``wanted``."""

    mac: bytes
    ip: str
    wanted: str


def parse_arp_request(packet: bytes) -> ArpRequest | None:
    """The request in a packet; None when it is something else."""
    if len(packet) < _ARP.size:
        return None
    hardware, protocol, hardware_size, protocol_size, operation, mac, ip, _, wanted = _ARP.unpack_from(packet)
    if (hardware, protocol, hardware_size, protocol_size, operation) != (_ETHERNET, _IPV4, 6, 4, REQUEST):
        return None
    return ArpRequest(mac, str(IPv4Address(ip)), str(IPv4Address(wanted)))


def arp_reply(mac: bytes, request: ArpRequest) -> bytes:
    """Tell who asks that ``mac`` has the address."""
    return _arp(REPLY, mac, request.wanted, request.mac, request.ip)


def arp_announcements(mac: bytes, ip: str) -> tuple[bytes, bytes]:
    """Tell everybody, unasked, that ``mac`` has the address: in both forms, since some hosts heed only one of them."""
    return _arp(REQUEST, mac, ip, _NOBODY, ip), _arp(REPLY, mac, ip, mac, ip)


def _arp(operation: int, mac: bytes, ip: str, target_mac: bytes, target_ip: str) -> bytes:
    source, target = IPv4Address(ip).packed, IPv4Address(target_ip).packed
    return _ARP.pack(_ETHERNET, _IPV4, 6, 4, operation, mac, source, target_mac, target)


def parse_solicitation(packet: bytes, hop_limit: int) -> str | None:
    """The address that a neighbour solicitation asks for; None when it is none, or comes from beyond the link."""
    if len(packet) < _NEIGHBOUR.size or hop_limit != 255:
        return None
    type_, code, _, _, target = _NEIGHBOUR.unpack_from(packet)
    return str(IPv6Address(target)) if (type_, code) == (SOLICITATION, 0) else None


def advertisement(mac: bytes, ip: str, *, is_answer: bool) -> bytes:
    """Tell that ``mac`` has the address, to who asked for it or unasked. The checksum is left to the kernel."""
    flags = _OVERRIDE | (_SOLICITED if is_answer else 0)
    option = bytes((_TARGET_LINK_LAYER_ADDRESS, 1)) + mac
    return _NEIGHBOUR.pack(ADVERTISEMENT, 0, 0, flags, IPv6Address(ip).packed) + option


def is_probe(source: str) -> bool:
    """Whether a solicitation from this address only asks whether the target is taken (RFC 4862, section 5.4.3)."""
    return IPv6Address(source.partition("%")[0]) == _UNSPECIFIED


def solicited_node(ip: str) -> str:
    """The multicast group that solicitations for an address are sent to (RFC 4291, section 2.7.1)."""
    return str(IPv6Address(int(IPv6Address("ff02::1:ff00:0")) | int(IPv6Address(ip)) & 0xFFFFFF))
