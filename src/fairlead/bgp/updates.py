"""UPDATE messages: routes that are announced and withdrawn (RFC 4271 section 4.3; IPv6 by RFC 4760).

All routes of a speaker have the same attributes but for the next hop, which is the speaker's own address.
"""

import struct
from collections.abc import Collection, Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from fairlead.bgp.capabilities import AFI, UNICAST
from fairlead.bgp.messages import AS_TRANS, HEADER, MAX_MESSAGE, Type, framed
from fairlead.model.addresses import IPFamily

_WELL_KNOWN, _OPTIONAL, _TRANSITIVE = 0x40, 0x80, 0xC0
_ORIGIN, _AS_PATH, _NEXT_HOP, _LOCAL_PREF, _COMMUNITIES = 1, 2, 3, 5, 8
_MP_REACH, _MP_UNREACH, _AS4_PATH, _LARGE_COMMUNITIES = 14, 15, 17, 32
_SEQUENCE = 2  # the type of an AS_PATH segment

# How many octets of a message are for prefixes: the rest is more than enough for all attributes, whose communities the
# settings bound.
_FOR_PREFIXES = 2048
MAX_COMMUNITIES = 100

Community = tuple[int, ...]  # two numbers of 16 bits (RFC 1997), or three of 32 (RFC 8092)


class PathAttributes(NamedTuple):
    """The path attributes that all announced routes share.

    Attributes:
        asn: of the speaker.
        is_internal: whether the peer is in the same AS.
        has_four_octets: whether AS numbers have four octets in this session.
        local_pref: sent only to peers of the same AS.
    """

    asn: int
    is_internal: bool
    has_four_octets: bool = True
    local_pref: int = 100
    communities: tuple[Community, ...] = ()


def announcements(prefixes: Collection[str], next_hop: str, attributes: PathAttributes) -> Iterator[bytes]:
    """The messages that announce these networks of one family."""
    family = _family(next_hop)
    hop = ip_address(next_hop).packed
    common = _common(attributes)
    for part in _parts(prefixes):
        if family == IPFamily.IPV4:
            yield _update(common + _attribute(_WELL_KNOWN, _NEXT_HOP, hop), b"", part)
        else:
            reach = struct.pack("!HBB", AFI[family], UNICAST, len(hop)) + hop + b"\0" + part
            yield _update(_attribute(_OPTIONAL, _MP_REACH, reach) + common)


def withdrawals(prefixes: Collection[str], family: IPFamily) -> Iterator[bytes]:
    """The messages that withdraw these networks of one family."""
    for part in _parts(prefixes):
        if family == IPFamily.IPV4:
            yield _update(withdrawn=part)
        else:
            yield _update(_attribute(_OPTIONAL, _MP_UNREACH, struct.pack("!HB", AFI[family], UNICAST) + part))


def end_of_rib(family: IPFamily) -> bytes:
    """Says that all routes of the family have been announced (RFC 4724 section 2)."""
    if family == IPFamily.IPV4:
        return _update()
    return _update(_attribute(_OPTIONAL, _MP_UNREACH, struct.pack("!HB", AFI[family], UNICAST)))


def _common(attributes: PathAttributes) -> bytes:
    """All attributes but those that hold networks and next hops, in the order of their types."""
    has_two_octets = not attributes.has_four_octets
    parts = [_attribute(_WELL_KNOWN, _ORIGIN, b"\0"), _attribute(_WELL_KNOWN, _AS_PATH, _as_path(attributes))]
    if attributes.is_internal:
        parts.append(_attribute(_WELL_KNOWN, _LOCAL_PREF, struct.pack("!I", attributes.local_pref)))
    if short := [each for each in attributes.communities if len(each) == 2]:
        parts.append(_attribute(_TRANSITIVE, _COMMUNITIES, b"".join(struct.pack("!HH", *each) for each in short)))
    if has_two_octets and not attributes.is_internal and attributes.asn >= 1 << 16:
        path = struct.pack("!BBI", _SEQUENCE, 1, attributes.asn)
        parts.append(_attribute(_TRANSITIVE, _AS4_PATH, path))
    if large := [each for each in attributes.communities if len(each) == 3]:
        values = b"".join(struct.pack("!III", *each) for each in large)
        parts.append(_attribute(_TRANSITIVE, _LARGE_COMMUNITIES, values))
    return b"".join(parts)


def _as_path(attributes: PathAttributes) -> bytes:
    if attributes.is_internal:
        return b""
    if attributes.has_four_octets:
        return struct.pack("!BBI", _SEQUENCE, 1, attributes.asn)
    return struct.pack("!BBH", _SEQUENCE, 1, attributes.asn if attributes.asn < 1 << 16 else AS_TRANS)


def _attribute(flags: int, type_: int, value: bytes) -> bytes:
    if len(value) < 256:
        return bytes([flags, type_, len(value)]) + value
    return struct.pack("!BBH", flags | 0x10, type_, len(value)) + value


def _update(attributes: bytes = b"", withdrawn: bytes = b"", announced: bytes = b"") -> bytes:
    head = struct.pack("!H", len(withdrawn)) + withdrawn + struct.pack("!H", len(attributes)) + attributes
    message = framed(Type.UPDATE, head + announced)
    assert HEADER < len(message) <= MAX_MESSAGE
    return message


def _parts(prefixes: Collection[str]) -> Iterator[bytes]:
    """Networks as octets, as many at a time as a message has room for."""
    encoded: Sequence[bytes] = [_prefix(each) for each in sorted(prefixes)]
    size = _FOR_PREFIXES // 17
    for start in range(0, len(encoded), size):
        yield b"".join(encoded[start : start + size])


def _prefix(cidr: str) -> bytes:
    network = ip_network(cidr)
    return bytes([network.prefixlen]) + network.network_address.packed[: (network.prefixlen + 7) // 8]


def _family(address: str) -> IPFamily:
    return IPFamily.IPV4 if ip_address(address).version == 4 else IPFamily.IPV6
