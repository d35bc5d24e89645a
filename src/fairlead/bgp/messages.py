"""The messages of a session, and the octets that they are (RFC 4271 section 4)."""

import enum
import struct
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import NamedTuple

from fairlead.bgp import errors
from fairlead.bgp.capabilities import AFI, FAMILIES, UNICAST, Capabilities, decode_capabilities, encode_capabilities
from fairlead.bgp.errors import BgpError, NotificationCode
from fairlead.model.addresses import IPFamily

VERSION = 4
MARKER = b"\xff" * 16
HEADER = 19
MAX_MESSAGE = 4096
AS_TRANS = 23456  # RFC 6793: stands for an AS number that does not fit into two octets
_OPEN = struct.Struct("!BHH4s")
_REFRESH = struct.Struct("!HBB")


class Type(enum.IntEnum):
    """The type of a message."""

    OPEN = 1
    UPDATE = 2
    NOTIFICATION = 3
    KEEPALIVE = 4
    ROUTE_REFRESH = 5


_LEAST = {Type.OPEN: 29, Type.UPDATE: 23, Type.NOTIFICATION: 21, Type.KEEPALIVE: HEADER, Type.ROUTE_REFRESH: 23}


class OpenMessage(NamedTuple):
    """Attributes:
    hold_time: seconds; 0: nothing is sent to keep the session alive.
    identifier: the speaker's, like an IPv4 address.
    """

    asn: int
    hold_time: int
    identifier: str
    capabilities: Capabilities


class UpdateMessage(NamedTuple):
    """Routes of the peer. What they are is nothing to a speaker that learns none; their lengths have been checked."""


class Notification(NamedTuple):
    """Why the peer ends the session."""

    code: int
    subcode: int
    data: bytes = b""

    def __str__(self) -> str:
        return errors.describe(*self)


class Keepalive(NamedTuple):
    """The peer is alive."""


class RouteRefresh(NamedTuple):
    """All routes of a family are wanted again; None: of a family that is not known here."""

    family: IPFamily | None


Message = OpenMessage | UpdateMessage | Notification | Keepalive | RouteRefresh


def framed(type_: Type, body: bytes = b"") -> bytes:
    """A whole message."""
    return MARKER + struct.pack("!HB", HEADER + len(body), type_) + body


KEEPALIVE = framed(Type.KEEPALIVE)


def encode_open(message: OpenMessage) -> bytes:
    """An OPEN as octets."""
    short = message.asn if message.asn < 1 << 16 else AS_TRANS
    parameters = encode_capabilities(message.capabilities)
    fixed = _OPEN.pack(VERSION, short, message.hold_time, IPv4Address(message.identifier).packed)
    return framed(Type.OPEN, fixed + bytes([len(parameters)]) + parameters)


def encode_notification(message: Notification) -> bytes:
    """A NOTIFICATION as octets."""
    return framed(Type.NOTIFICATION, bytes([message.code, message.subcode]) + message.data)


def encode_refresh(family: IPFamily) -> bytes:
    """A ROUTE-REFRESH as octets."""
    return framed(Type.ROUTE_REFRESH, _REFRESH.pack(AFI[family], 0, UNICAST))


def next_message(octets: bytes) -> tuple[Message, bytes] | None:
    """The first message and what follows it; None while it is not complete.

    Raises:
        BgpError: it breaks the protocol.
    """
    if not MARKER.startswith(octets[: len(MARKER)]):
        raise BgpError(NotificationCode.HEADER, errors.NOT_SYNCHRONIZED)
    if len(octets) < HEADER:
        return None
    length, type_ = struct.unpack_from("!HB", octets, len(MARKER))
    least = _LEAST.get(type_)
    if least is None:
        raise BgpError(NotificationCode.HEADER, errors.BAD_TYPE, bytes([type_]), f"type {type_}")
    if not least <= length <= MAX_MESSAGE or (type_ == Type.KEEPALIVE and length > HEADER):
        raise BgpError(NotificationCode.HEADER, errors.BAD_LENGTH, struct.pack("!H", length), f"{length} octets")
    if len(octets) < length:
        return None
    return _DECODERS[type_](octets[HEADER:length]), octets[length:]


def _decode_open(body: bytes) -> OpenMessage:
    version, asn, hold_time, identifier = _OPEN.unpack_from(body)
    if version != VERSION:
        raise BgpError(NotificationCode.OPEN, errors.BAD_VERSION, struct.pack("!H", VERSION), f"version {version}")
    if hold_time in (1, 2):
        raise BgpError(NotificationCode.OPEN, errors.BAD_HOLD_TIME, detail=f"{hold_time} s")
    if not any(identifier):
        raise BgpError(NotificationCode.OPEN, errors.BAD_IDENTIFIER, detail="it is zero")
    capabilities = decode_capabilities(body[_OPEN.size :])
    asn = asn if capabilities.asn is None else capabilities.asn
    return OpenMessage(asn, hold_time, str(IPv4Address(identifier)), capabilities)


def _decode_update(body: bytes) -> UpdateMessage:
    withdrawn = int.from_bytes(body[:2])
    attributes = body[2 + withdrawn : 4 + withdrawn]
    if len(attributes) < 2 or 4 + withdrawn + int.from_bytes(attributes) > len(body):
        raise BgpError(NotificationCode.UPDATE, errors.MALFORMED_ATTRIBUTES, detail="its lengths do not fit")
    return UpdateMessage()


def _decode_notification(body: bytes) -> Notification:
    return Notification(body[0], body[1], body[2:])


def _decode_refresh(body: bytes) -> RouteRefresh:
    afi, _, safi = _REFRESH.unpack_from(body)
    return RouteRefresh(FAMILIES.get(afi) if safi == UNICAST else None)


_DECODERS: dict[int, Callable[[bytes], Message]] = {
    Type.OPEN: _decode_open,
    Type.UPDATE: _decode_update,
    Type.NOTIFICATION: _decode_notification,
    Type.KEEPALIVE: lambda body: Keepalive(),
    Type.ROUTE_REFRESH: _decode_refresh,
}
