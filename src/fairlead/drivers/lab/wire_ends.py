"""The two ends of a wire to other hosts: a packet socket on a link of the lab, and a UDP socket of the machine.

A UDP socket made outside the lab and one packet socket on a veth pair are all that it takes, so it works without root
and without /dev/net/tun, which many systems keep from ordinary users.
"""

import ctypes
import fcntl
import socket
import struct

from fairlead.model.addresses import IPFamily
from fairlead.model.socket_address import SocketAddress

FAMILIES = {IPFamily.IPV4: socket.AF_INET, IPFamily.IPV6: socket.AF_INET6}
BUFFER = 4 << 20  # octets that may wait in a socket; the kernel gives what net.core.rmem_max allows of it

_ETH_P_ALL = 0x0003  # linux/if_ether.h
_SOL_PACKET, _PACKET_IGNORE_OUTGOING = 263, 23  # linux/if_packet.h
_SIOCETHTOOL, _ETHTOOL_STXCSUM = 0x8946, 0x17  # linux/sockios.h, linux/ethtool.h
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_DONT = 10, 23, 0  # linux/in.h, linux/in6.h


def open_underlay(address: SocketAddress) -> socket.socket:
    """A UDP socket at an address of this machine, for frames in VXLAN.

    Where the way to another host carries less than usual (a tunnel, say), its datagrams are cut into fragments as those
    of a kernel's VXLAN device are, rather than refused.

    Raises:
        OSError: the address is none of this machine's, or the port is taken.
    """
    made = socket.socket(FAMILIES[address.family], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if address.family == IPFamily.IPV6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_DONT)
        else:
            made.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_DONT)
        _enlarge(made)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def open_link(interface: str) -> socket.socket:
    """A socket for all frames that come in by a link of the caller's network namespace, and to send some by it.

    Raises:
        OSError: there is no such link, or the capability CAP_NET_RAW is missing.
    """
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    made.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    _enlarge(made)
    made.bind((interface, _ETH_P_ALL))
    return made


def send_whole_frames(interface: str) -> None:
    """Have all that is sent by a link be cut to its MTU and carry its checksums. Between namespaces the kernel spares
    itself both, since a frame there never gets to be octets on a cable: here it does.

    Raises:
        OSError: there is no such link.
    """
    command = ctypes.create_string_buffer(struct.pack("=II", _ETHTOOL_STXCSUM, 0))  # struct ethtool_value
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(command))  # struct ifreq
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


def _enlarge(made: socket.socket) -> None:
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        made.setsockopt(socket.SOL_SOCKET, option, BUFFER)
