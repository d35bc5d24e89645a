"""What a speaker says in its OPEN that it can do (RFC 5492): address families (RFC 4760), AS numbers of four octets
(RFC 6793), graceful restart (RFC 4724), route refresh (RFC 2918)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from fairlead.bgp import errors
from fairlead.bgp.errors import BgpError, NotificationCode
from fairlead.model.addresses import IPFamily

AFI = {IPFamily.IPV4: 1, IPFamily.IPV6: 2}
FAMILIES = {number: family for family, number in AFI.items()}
UNICAST = 1  # SAFI

_PARAMETER = 2  # the optional parameter that holds capabilities
_EXTENDED = 255  # RFC 9072: lengths of two octets follow
_MULTIPROTOCOL, _ROUTE_REFRESH, _GRACEFUL_RESTART, _FOUR_OCTET_AS = 1, 2, 64, 65
_RESTARTING, _PRESERVED = 0x8000, 0x80


class Restart(NamedTuple):
    """Graceful restart.

    Attributes:
        seconds: for how long a peer keeps the routes when the session has gone, at most 4095.
        is_restarting: whether the speaker has just started.
        families: those whose packets are forwarded during the restart.
    """

    seconds: int
    is_restarting: bool = False
    families: tuple[IPFamily, ...] = ()


class Capabilities(NamedTuple):
    """Attributes:
    families: those of which routes are exchanged.
    asn: the AS number in four octets; None: the speaker knows two octets only.
    restart: None: the speaker does not restart gracefully, nor help those that do.
    """

    families: tuple[IPFamily, ...] = (IPFamily.IPV4,)
    asn: int | None = None
    restart: Restart | None = None
    refresh: bool = False


def encode_capabilities(capabilities: Capabilities) -> bytes:
    """The optional parameters of an OPEN, without their length."""
    values = [(_MULTIPROTOCOL, struct.pack("!HBB", AFI[family], 0, UNICAST)) for family in capabilities.families]
    if capabilities.refresh:
        values.append((_ROUTE_REFRESH, b""))
    if restart := capabilities.restart:
        flags = (_RESTARTING if restart.is_restarting else 0) | restart.seconds
        kept = b"".join(struct.pack("!HBB", AFI[family], UNICAST, _PRESERVED) for family in restart.families)
        values.append((_GRACEFUL_RESTART, struct.pack("!H", flags) + kept))
    if capabilities.asn is not None:
        values.append((_FOUR_OCTET_AS, struct.pack("!I", capabilities.asn)))
    body = b"".join(bytes([code, len(value)]) + value for code, value in values)
    return bytes([_PARAMETER, len(body)]) + body if body else b""


def decode_capabilities(parameters: bytes) -> Capabilities:
    """What the optional parameters of an OPEN say, their length (the first octet) included.

    Raises:
        BgpError: lengths do not fit, or there is a parameter that is none of capabilities.
    """
    families: list[IPFamily] = []
    found: dict[int, bytes] = {}
    for code, value in _values(parameters):
        if code == _MULTIPROTOCOL and len(value) == 4:
            afi, _, safi = struct.unpack("!HBB", value)
            if afi in FAMILIES and safi == UNICAST:
                families.append(FAMILIES[afi])
        found[code] = value
    four_octets = found.get(_FOUR_OCTET_AS, b"")
    return Capabilities(
        families=tuple(dict.fromkeys(families)) if _MULTIPROTOCOL in found else (IPFamily.IPV4,),
        asn=struct.unpack("!I", four_octets)[0] if len(four_octets) == 4 else None,
        restart=_restart(found[_GRACEFUL_RESTART]) if _GRACEFUL_RESTART in found else None,
        refresh=_ROUTE_REFRESH in found,
    )


def _restart(value: bytes) -> Restart | None:
    if len(value) < 2 or len(value) % 4 != 2:
        return None
    flags = int.from_bytes(value[:2])
    rows = list(struct.iter_unpack("!HBB", value[2:]))
    kept = tuple(FAMILIES[afi] for afi, safi, bits in rows if afi in FAMILIES and safi == UNICAST and bits & _PRESERVED)
    return Restart(flags & 0x0FFF, bool(flags & _RESTARTING), kept)


def _values(parameters: bytes) -> Iterator[tuple[int, bytes]]:
    for type_, value in _parameters(parameters):
        if type_ != _PARAMETER:
            raise BgpError(NotificationCode.OPEN, errors.BAD_PARAMETER, detail=f"parameter {type_}")
        yield from _triples(value, 1)


def _parameters(octets: bytes) -> Iterator[tuple[int, bytes]]:
    if octets[:1] and octets[0] == _EXTENDED and octets[1:2] == bytes([_EXTENDED]):
        length, rest, size = int.from_bytes(octets[2:4]), octets[4:], 2
    else:
        length, rest, size = int.from_bytes(octets[:1]), octets[1:], 1
    if length != len(rest):
        raise BgpError(NotificationCode.OPEN, 0, detail="the length of its optional parameters does not fit")
    yield from _triples(rest, size)


def _triples(octets: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """Types and values; a length has ``size`` octets."""
    while octets:
        end = 1 + size + int.from_bytes(octets[1 : 1 + size])
        if len(octets) < 1 + size or end > len(octets):
            raise BgpError(NotificationCode.OPEN, 0, detail="the length of a parameter or capability does not fit")
        yield octets[0], octets[1 + size : end]
        octets = octets[end:]
