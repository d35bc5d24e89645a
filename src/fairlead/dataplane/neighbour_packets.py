"""The packets with which a host resolves an address on its link: ARP for IPv4, Neighbour Discovery for IPv6.

Octets in, octets out. RFC 826 and RFC 5227 (ARP and its announcements), RFC 4861 sections 4.3, 4.4 and 7.1.1. The
kernel writes the Ethernet header; this module writes the IPv6 header, because an answer to a neighbour must go to the
link of the question, whatever the routes.
"""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

REQUEST, REPLY = 1, 2
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET, _IPV4 = 1, 0x0800
_NOBODY = bytes(6)

SOLICITATION, ADVERTISEMENT = 135, 136
ICMPV6 = 58
_IPV6 = struct.Struct("!IHBB16s16s")
_NEIGHBOUR = struct.Struct("!BBHI16s")
_TARGET_LINK_LAYER_ADDRESS = 2
_SOLICITED, _OVERRIDE = 0x40000000, 0x20000000
_UNSPECIFIED = IPv6Address("::")
ALL_NODES = "ff02::1"


class ArpRequest(NamedTuple):
    """A host asks who has ``wanted``."""

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
    """Tell the asker that ``mac`` has the address."""
    return _arp(REPLY, mac, request.wanted, request.mac, request.ip)


def arp_announcements(mac: bytes, ip: str) -> tuple[bytes, bytes]:
    """Unsolicited announcements that ``mac`` has the address, in both forms, since some hosts accept only one of
    them."""
    return _arp(REQUEST, mac, ip, _NOBODY, ip), _arp(REPLY, mac, ip, mac, ip)


def _arp(operation: int, mac: bytes, ip: str, target_mac: bytes, target_ip: str) -> bytes:
    source, target = IPv4Address(ip).packed, IPv4Address(target_ip).packed
    return _ARP.pack(_ETHERNET, _IPV4, 6, 4, operation, mac, source, target_mac, target)


class Solicitation(NamedTuple):
    """A host asks who has ``wanted``; a host without an address only asks whether it is taken (RFC 4862, 5.4.3)."""

    ip: str
    wanted: str

    @property
    def is_probe(self) -> bool:
        return IPv6Address(self.ip) == _UNSPECIFIED


def parse_solicitation(packet: bytes) -> Solicitation | None:
    """The neighbour solicitation in an IPv6 packet; None when it is none, or comes from beyond the link."""
    if len(packet) < _IPV6.size + _NEIGHBOUR.size:
        return None
    _, _, next_header, hop_limit, source, _ = _IPV6.unpack_from(packet)
    type_, code, _, _, target = _NEIGHBOUR.unpack_from(packet, _IPV6.size)
    if (next_header, hop_limit, type_, code) != (ICMPV6, 255, SOLICITATION, 0):
        return None
    return Solicitation(str(IPv6Address(source)), str(IPv6Address(target)))


def answer(mac: bytes, asked: Solicitation) -> bytes:
    """The IPv6 reply that ``mac`` has the address; to all hosts if the asker has no address yet."""
    if asked.is_probe:
        return announcement(mac, asked.wanted)
    return _advertisement(mac, asked.wanted, asked.ip, _OVERRIDE | _SOLICITED)


def announcement(mac: bytes, ip: str) -> bytes:
    """The IPv6 packet that tells all hosts, unasked, that ``mac`` has the address."""
    return _advertisement(mac, ip, ALL_NODES, _OVERRIDE)


def _advertisement(mac: bytes, ip: str, to: str, flags: int) -> bytes:
    """From the address that it is about, as a host with several addresses would send it too."""
    target, destination = IPv6Address(ip).packed, IPv6Address(to).packed
    option = bytes((_TARGET_LINK_LAYER_ADDRESS, 1)) + mac
    size = _NEIGHBOUR.size + len(option)
    sum_ = _checksum(
        target + destination + struct.pack("!II", size, ICMPV6)
        + _NEIGHBOUR.pack(ADVERTISEMENT, 0, 0, flags, target) + option
    )  # fmt: skip
    header = _IPV6.pack(6 << 28, size, ICMPV6, 255, target, destination)
    return header + _NEIGHBOUR.pack(ADVERTISEMENT, 0, sum_, flags, target) + option


def _checksum(octets: bytes) -> int:
    """RFC 1071, over an even number of octets: the pseudo-header of RFC 8200 section 8.1 first."""
    total: int = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def solicited_node(ip: str) -> str:
    """The multicast group that solicitations for an address are sent to (RFC 4291, section 2.7.1)."""
    return str(IPv6Address(int(IPv6Address("ff02::1:ff00:0")) | int(IPv6Address(ip)) & 0xFFFFFF))


def multicast_mac(ip: str) -> bytes:
    """The Ethernet address of a multicast group (RFC 2464, section 7)."""
    return b"\x33\x33" + IPv6Address(ip).packed[-4:]
