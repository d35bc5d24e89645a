"""A link on which this node answers for addresses that none of its interfaces has.

Three packet sockets: ARP, neighbour discovery (IPv6 filtered down to it by the kernel), and signs of life between
announcers, which are broadcast in frames of their own kind (EtherType 0x88B5, "local experimental", IEEE 802). So what
is watched is the very link that counts, no firewall rule of a node is in the way, and nothing leaves the link. Who can
send such frames can send false ARP too.
"""

import asyncio
import ctypes
import enum
import socket
import struct
from collections.abc import Callable, Collection
from contextlib import suppress

from fairlead.dataplane import neighbour_packets as packets
from fairlead.model.addresses import IPFamily, family_of

ETH_P_ARP = 0x0806
ETH_P_IPV6 = 0x86DD
ETH_P_LIFE = 0x88B5
_BROADCAST = b"\xff" * 6
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_MAX_PACKET = 2048

_INSTRUCTION = struct.Struct("=HBBI")  # struct sock_filter of linux/filter.h
_LOAD_OCTET, _JUMP_IF_EQUAL, _RETURN = 0x30, 0x15, 0x06
_ONLY_SOLICITATIONS = b"".join(
    _INSTRUCTION.pack(*instruction)
    for instruction in (
        (_LOAD_OCTET, 0, 0, 6),  # next header
        (_JUMP_IF_EQUAL, 0, 3, packets.ICMPV6),
        (_LOAD_OCTET, 0, 0, 40),  # type
        (_JUMP_IF_EQUAL, 0, 1, packets.SOLICITATION),
        (_RETURN, 0, 0, _MAX_PACKET),
        (_RETURN, 0, 0, 0),
    )
)
_MAGIC = "fairlead-announcer/1"


class Sign(enum.StrEnum):
    """Messages between announcers about a node or an address.

    ALIVE: the node lives. LEAVING: it is about to end. YIELDED: a node does not answer for the address any more, and
    hosts may have to be told again who does.
    """

    ALIVE = "alive"
    LEAVING = "leaving"
    YIELDED = "yielded"


Heard = Callable[[Sign, str], None]


class AnnouncingLink:
    """One interface. Answers as soon as it is made, in the running event loop, for what ``answer_for`` says.

    Args:
        heard: called for each sign of another announcer.

    Raises:
        OSError: there is no such interface, or the capability CAP_NET_RAW is missing.
    """

    def __init__(self, interface: str, heard: Heard) -> None:
        self._interface, self._heard = interface, heard
        self._answered: frozenset[str] = frozenset()
        self._arp = _packet_socket(interface, ETH_P_ARP)
        self._life = _packet_socket(interface, ETH_P_LIFE)
        self._mac: bytes = self._arp.getsockname()[4]
        self._ndp = _packet_socket(interface, ETH_P_IPV6, _ONLY_SOLICITATIONS)
        self._groups = _group_member()
        self._index = socket.if_nametoindex(interface)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._arp, self._take_arp)
        loop.add_reader(self._ndp, self._take_solicitation)
        loop.add_reader(self._life, self._take_life)

    def close(self) -> None:
        for each in (self._arp, self._ndp, self._life):
            asyncio.get_running_loop().remove_reader(each)
            each.close()
        if self._groups:
            self._groups.close()

    def answer_for(self, addresses: Collection[str]) -> None:
        """Answer for exactly these addresses from now on."""
        before, self._answered = self._answered, frozenset(addresses)
        self._change_groups(socket.IPV6_LEAVE_GROUP, _groups_of(before) - _groups_of(self._answered))
        self._change_groups(socket.IPV6_JOIN_GROUP, _groups_of(self._answered) - _groups_of(before))

    def announce(self, address: str) -> None:
        """Tell all hosts on the link that this node has the address now."""
        if family_of(address) == IPFamily.IPV4:
            for packet in packets.arp_announcements(self._mac, address):
                self._send(self._arp, ETH_P_ARP, packet, _BROADCAST)
        else:
            everybody = packets.multicast_mac(packets.ALL_NODES)
            self._send(self._ndp, ETH_P_IPV6, packets.announcement(self._mac, address), everybody)

    def tell(self, sign: Sign, about: str) -> None:
        """Tell the other announcers."""
        self._send(self._life, ETH_P_LIFE, f"{_MAGIC} {sign} {about}".encode(), _BROADCAST)

    def _send(self, sender: socket.socket, protocol: int, packet: bytes, mac: bytes) -> None:
        with suppress(OSError):  # a link that is down, or full: as good as a frame lost on the way
            sender.sendto(packet, (self._interface, protocol, 0, 0, mac))

    def _take_arp(self) -> None:
        with suppress(BlockingIOError):
            request = packets.parse_arp_request(self._arp.recv(_MAX_PACKET))
            if request and request.wanted in self._answered:
                self._send(self._arp, ETH_P_ARP, packets.arp_reply(self._mac, request), request.mac)

    def _take_life(self) -> None:
        with suppress(BlockingIOError, ValueError):  # ValueError: not one of ours
            frame = self._life.recv(_MAX_PACKET).rstrip(b"\0")  # Ethernet fills short frames up
            magic, sign, about = frame.decode().split(" ")
            if magic == _MAGIC:
                self._heard(Sign(sign), about)

    def _take_solicitation(self) -> None:
        with suppress(BlockingIOError):
            packet, sender = self._ndp.recvfrom(_MAX_PACKET)
            asked = packets.parse_solicitation(packet)
            if asked and asked.wanted in self._answered:
                mac = packets.multicast_mac(packets.ALL_NODES) if asked.is_probe else sender[4]
                self._send(self._ndp, ETH_P_IPV6, packets.answer(self._mac, asked), mac)

    def _change_groups(self, option: int, groups: Collection[str]) -> None:
        """Be sent what is addressed to the groups, by switches that only send it to their members too."""
        for group in groups:
            if self._groups:
                request = socket.inet_pton(socket.AF_INET6, group) + struct.pack("=I", self._index)
                self._groups.setsockopt(socket.IPPROTO_IPV6, option, request)


def _packet_socket(interface: str, protocol: int, program: bytes = b"") -> socket.socket:
    """A socket for the packets of one EtherType, and of them those that the filter program passes."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
    if program:
        octets = ctypes.create_string_buffer(program, len(program))
        filter_ = struct.pack("HP", len(program) // _INSTRUCTION.size, ctypes.addressof(octets))
        made.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)
    made.bind((interface, protocol))
    return made


def _group_member() -> socket.socket | None:
    """A socket that is only there to belong to groups; None where the kernel has no IPv6."""
    try:
        return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    except OSError:
        return None


def _groups_of(addresses: Collection[str]) -> set[str]:
    return {packets.solicited_node(address) for address in addresses if family_of(address) == IPFamily.IPV6}
