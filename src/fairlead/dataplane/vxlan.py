"""VXLAN's wire format: Ethernet frames of one segment, each carried in a UDP datagram from one host to another.

Octets in, octets out. RFC 7348, section 5: a header of eight octets with a flag for a valid VNI and the segment's
number (VNI), then the frame from its destination address on, without checksum. Reserved fields are ignored.
"""

import struct

from fairlead.model.addresses import IPFamily

PORT = 4789
VNI_MAX = (1 << 24) - 1
MIN_FRAME = 14  # octets of an Ethernet header
_HEADER = struct.Struct("!B3xI")
_IS_VALID = 0x08
_SIZE = _HEADER.size

# Octets around a packet that is carried: its Ethernet header, VXLAN's, that of UDP, and the outer IP header.
OVERHEAD = {IPFamily.IPV4: 14 + _SIZE + 8 + 20, IPFamily.IPV6: 14 + _SIZE + 8 + 40}
USUAL_MTU = 1500


def inner_mtu(family: IPFamily, outer_mtu: int = USUAL_MTU) -> int:
    """The largest packet, in octets, that is carried whole between hosts which reach each other over this family. VTEPs
    must not count on fragments (RFC 7348, section 4.3)."""
    return outer_mtu - OVERHEAD[family]


def header(vni: int) -> bytes:
    """The header of each frame of the segment."""
    return _HEADER.pack(_IS_VALID, vni << 8)


def frame_in(datagram: bytes, vni: int) -> bytes | None:
    """The frame of this segment that a datagram holds; None when it holds none."""
    if len(datagram) < _SIZE + MIN_FRAME:
        return None
    flags, number = _HEADER.unpack_from(datagram)
    return datagram[_SIZE:] if flags & _IS_VALID and number >> 8 == vni else None
