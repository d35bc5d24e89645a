"""As much of SCTP as shows where a packet goes: INIT and INIT ACK (RFC 9260, 3.3.2 and 3.3.3) through raw sockets.

Few kernels are built with SCTP sockets, but all track and translate SCTP. They look at the checksum, and at the
verification tag of an answer, so both are right here.
"""

import itertools
import socket
import struct
from typing import NamedTuple

INIT, INIT_ACK = 1, 2
STATE_COOKIE = 7
OWN_PORTS = itertools.cycle(range(40000, 50000))


class Chunk(NamedTuple):
    """The first chunk of a packet, with the ports of the packet's head."""

    source_port: int
    port: int
    type: int
    initiate_tag: int
    cookie: bytes = b""


def encode(chunk, verification_tag):
    """The packet of one INIT or INIT ACK."""
    cookie = chunk.cookie and struct.pack("!HH", STATE_COOKIE, 4 + len(chunk.cookie)) + chunk.cookie
    body = struct.pack("!IIHHI", chunk.initiate_tag, 1500, 1, 1, 1) + cookie
    padding = b"\0" * (-len(body) % 4)
    head = struct.pack("!HHI", chunk.source_port, chunk.port, verification_tag)
    rest = struct.pack("!BBH", chunk.type, 0, 4 + len(body)) + body + padding
    return head + struct.pack("<I", crc32c(head + b"\0\0\0\0" + rest)) + rest


def decode(packet):
    """The first chunk of a packet that ``encode`` has made."""
    source_port, port = struct.unpack_from("!HH", packet)
    type_, _, length = struct.unpack_from("!BBH", packet, 12)
    (tag,) = struct.unpack_from("!I", packet, 16)
    return Chunk(source_port, port, type_, tag, packet[36 : 12 + length])


def crc32c(data):
    """The checksum of RFC 9260, appendix A: Castagnoli's polynomial, reflected."""
    crc = 0xFFFFFFFF
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def open_raw(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_SCTP)
    raw.bind((address, 0))
    return raw


def received(raw):
    """The next chunk and its sender; IPv4's raw sockets give the IP header too."""
    packet, (sender, *_) = raw.recvfrom(1500)
    return decode(packet[4 * (packet[0] & 15) :] if raw.family == socket.AF_INET else packet), sender


def answer(raw, port, testimony):
    """Answer every INIT to the port with a cookie that says who was asked and who seemed to ask."""
    while True:
        asked, sender = received(raw)
        if asked.type == INIT and asked.port == port:
            cookie = testimony((sender, asked.source_port))
            reply = Chunk(port, asked.source_port, INIT_ACK, 1, cookie)
            raw.sendto(encode(reply, asked.initiate_tag), (sender, 0))


def ask(raw, port, seconds):
    """Send an INIT on a connected socket: (the answer's cookie, the port that asked).

    Raises:
        OSError: an ICMP error came instead, or nothing did.
    """
    own = next(OWN_PORTS)
    raw.settimeout(seconds)
    raw.send(encode(Chunk(own, port, INIT, own), 0))
    while True:
        reply, _ = received(raw)
        if (reply.type, reply.source_port, reply.port) == (INIT_ACK, port, own):
            return reply.cookie, own
