"""A link on which this node answers for addresses that none of its interfaces has.

Three sockets: ARP, ICMPv6 neighbour discovery, and signs of life between announcers, which are broadcast in frames of
their own kind (EtherType 0x88B5, "local experimental", IEEE 802). So what is watched is the very link that counts, no
firewall rule of a node is in the way, and nothing leaves the link. Who can send such frames can send false ARP too.
"""

import asyncio
import enum
import socket
import struct
from collections.abc import Callable, Collection
from contextlib import suppress

from fairlead.dataplane import neighbour_packets as packets
from fairlead.model.addresses import IPFamily, family_of

ETH_P_ARP = 0x0806
ETH_P_LIFE = 0x88B5
_BROADCAST = b"\xff" * 6
_ICMP6_FILTER = 1  # linux/icmpv6.h
_MAX_PACKET = 2048
_MAGIC = "fairlead-announcer/1"


class Sign(enum.StrEnum):
    """What announcers tell each other, about the node or address that is named with it.

    ALIVE: the node lives. LEAVING: it is about to end. YIELDED: a node does not answer for the address any more, and
    hosts may have to be told again who does.
    """

    ALIVE = "alive"
    LEAVING = "leaving"
    YIELDED = "yielded"


Heard = Callable[[Sign, str], None]


class Link:
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
        self._index = socket.if_nametoindex(interface)
        self._mac: bytes = self._arp.getsockname()[4]
        self._ndp = _solicitations(self._index) if socket.has_ipv6 else None
        loop = asyncio.get_running_loop()
        loop.add_reader(self._arp, self._take_arp)
        loop.add_reader(self._life, self._take_life)
        if self._ndp:
            loop.add_reader(self._ndp, self._take_solicitation)

    def close(self) -> None:
        for each in (self._arp, self._life, self._ndp):
            if each:
                asyncio.get_running_loop().remove_reader(each)
                each.close()

    def answer_for(self, addresses: Collection[str]) -> None:
        """Answer for exactly these addresses from now on."""
        before, self._answered = self._answered, frozenset(addresses)
        self._change_groups(socket.IPV6_LEAVE_GROUP, _groups(before) - _groups(self._answered))
        self._change_groups(socket.IPV6_JOIN_GROUP, _groups(self._answered) - _groups(before))

    def announce(self, address: str) -> None:
        """Tell all hosts on the link that this node has the address now."""
        if family_of(address) == IPFamily.IPV4:
            for packet in packets.arp_announcements(self._mac, address):
                self._send(self._arp, ETH_P_ARP, packet, _BROADCAST)
        elif self._ndp:
            self._advertise(packets.advertisement(self._mac, address, is_answer=False), packets.ALL_NODES)

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
        assert self._ndp is not None
        with suppress(BlockingIOError):
            packet, ancillary, _, (source, *_) = self._ndp.recvmsg(_MAX_PACKET, socket.CMSG_SPACE(4))
            wanted = packets.parse_solicitation(packet, _hop_limit(ancillary))
            if wanted in self._answered:
                asked = not packets.is_probe(source)
                answer = packets.advertisement(self._mac, wanted, is_answer=asked)
                self._advertise(answer, source if asked else packets.ALL_NODES)

    def _advertise(self, packet: bytes, destination: str) -> None:
        assert self._ndp is not None
        with suppress(OSError):
            self._ndp.sendto(packet, (destination, 0, 0, self._index))

    def _change_groups(self, option: int, groups: Collection[str]) -> None:
        for group in groups if self._ndp else ():
            assert self._ndp is not None
            request = socket.inet_pton(socket.AF_INET6, group) + struct.pack("=I", self._index)
            self._ndp.setsockopt(socket.IPPROTO_IPV6, option, request)


def _packet_socket(interface: str, protocol: int) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
    made.bind((interface, protocol))
    return made


def _solicitations(index: int) -> socket.socket | None:
    """A socket for neighbour discovery of which only solicitations are read; None where the kernel has no IPv6."""
    try:
        made = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMPV6)
    except OSError:
        return None
    passed = bytearray(b"\xff" * 32)  # a bit for each type, in words of the machine: set ones are blocked
    word, bit = divmod(packets.SOLICITATION, 32)
    struct.pack_into("=I", passed, 4 * word, 0xFFFFFFFF & ~(1 << bit))
    made.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, bytes(passed))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, socket.if_indextoname(index).encode())
    for option in (socket.IPV6_MULTICAST_HOPS, socket.IPV6_UNICAST_HOPS):
        made.setsockopt(socket.IPPROTO_IPV6, option, 255)
    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    return made


def _hop_limit(ancillary: list[tuple[int, int, bytes]]) -> int:
    return next((struct.unpack("=i", data)[0] for _, kind, data in ancillary if kind == socket.IPV6_HOPLIMIT), 0)


def _groups(addresses: Collection[str]) -> set[str]:
    return {packets.solicited_node(address) for address in addresses if family_of(address) == IPFamily.IPV6}
