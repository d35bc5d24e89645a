"""The field ``bgp`` in the configuration file of an announcer or of a lab.

Docs: docs/load-balancers.md.
"""

from hashlib import sha256
from ipaddress import IPv4Address
from typing import Annotated

import msgspec

from fairlead.bgp.terms import Terms
from fairlead.bgp.updates import MAX_COMMUNITIES, Community
from fairlead.model.addresses import IPFamily, first_of, parse_ip

Asn = Annotated[int, msgspec.Meta(ge=1, le=(1 << 32) - 1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=(1 << 16) - 1)]
Octets16 = Annotated[int, msgspec.Meta(ge=0, le=(1 << 16) - 1)]
Octets32 = Annotated[int, msgspec.Meta(ge=0, le=(1 << 32) - 1)]
RestartTime = Annotated[int, msgspec.Meta(ge=0, le=4095)]

_WELL_KNOWN = {  # RFC 1997
    "no-export": (65535, 65281),
    "no-advertise": (65535, 65282),
    "no-export-subconfed": (65535, 65283),
}


class PeerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A router.

    Attributes:
        asn: its AS number.
        port: where it listens for BGP.
        address: its own; of a link-local one with the link, as ``fe80::1%eth0``.
        password_file: of the signature of the connection (RFC 2385); "": it has none.
        source_address: to come from; "" leaves it to the kernel.
        ttl_security: whether the router must be on the link (RFC 5082).
    """

    address: str
    asn: Asn
    port: Port = 179
    password_file: str = ""
    source_address: str = ""
    ttl_security: bool = False


class BgpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A speaker.

    Attributes:
        asn: the AS number of this speaker.
        router_id: "": the Node's first IPv4 address, or a hash of its name where it has none.
        hold_time: seconds without a sign of a router after which it counts as dead; 0: it never does.
        restart_time: seconds for which routers keep routes while the announcer is away; 0: they do not.
        local_pref: sent to routers of the same AS.
        communities: two numbers (RFC 1997), three (RFC 8092), or a well-known name.
    """

    asn: Asn
    peers: Annotated[tuple[PeerSettings, ...], msgspec.Meta(min_length=1)]
    router_id: str = msgspec.field(default="", name="routerID")
    hold_time: Octets16 = 9
    restart_time: RestartTime = 60
    local_pref: Octets32 = 100
    communities: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_COMMUNITIES)] = ()

    def terms(self, peer: PeerSettings, identifier: str) -> Terms:
        """The terms of a session with one of the routers. The settings must be valid."""
        return Terms(
            asn=self.asn,
            peer_asn=peer.asn,
            identifier=identifier,
            families=tuple(IPFamily),
            hold_time=self.hold_time,
            restart_time=self.restart_time,
            local_pref=self.local_pref,
            communities=tuple(map(community, self.communities)),
            has_password=bool(peer.password_file),
        )

    def identifier(self, node: str, addresses: tuple[str, ...]) -> str:
        """This speaker's identifier.

        Args:
            addresses: of the Node.
        """
        hashed = str(IPv4Address(sha256(node.encode()).digest()[:4]))
        return self.router_id or first_of(IPFamily.IPV4, addresses) or hashed


def check(settings: BgpSettings) -> None:
    """Check what types cannot say.

    Raises:
        ValueError: a field is wrong; the message begins with its name.
    """
    if settings.hold_time in (1, 2):
        raise ValueError("holdTime: must be 0, or 3 and more (RFC 4271)")
    if settings.router_id and (parse_ip(settings.router_id) is None or not _is_identifier(settings.router_id)):
        raise ValueError(f"routerID: {settings.router_id!r} is no IPv4 address")
    for index, text in enumerate(settings.communities):
        _at(f"communities[{index}]", community, text)
    seen: set[tuple[str, int]] = set()
    for index, peer in enumerate(settings.peers):
        place = f"peers[{index}]"
        for field, address in (("address", peer.address), ("sourceAddress", peer.source_address)):
            if (address or field == "address") and parse_ip(address) is None:
                raise ValueError(f"{place}.{field}: {address!r} is not an IP address")
        if (peer.address, peer.port) in seen:
            raise ValueError(f"{place}.address: {peer.address} with port {peer.port} is there twice")
        seen.add((peer.address, peer.port))


def _at(place: str, check_: object, text: str) -> None:
    assert callable(check_)
    try:
        check_(text)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def _is_identifier(text: str) -> bool:
    return ":" not in text and text != "0.0.0.0"  # noqa: S104 - an identifier, not where something listens


def community(text: str) -> Community:
    """A community as numbers.

    Raises:
        ValueError: it is none.
    """
    if known := _WELL_KNOWN.get(text):
        return known
    parts = text.split(":")
    largest = {2: (1 << 16) - 1, 3: (1 << 32) - 1}.get(len(parts), -1)
    if not all(part.isascii() and part.isdigit() and int(part) <= largest for part in parts):
        known_names = ", ".join(_WELL_KNOWN)
        raise ValueError(f"{text!r} is no community: 64512:100, 64512:1:100, or one of {known_names}")
    return tuple(map(int, parts))
