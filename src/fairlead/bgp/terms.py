"""The terms of a session with a peer."""

from dataclasses import dataclass

from fairlead.bgp.updates import Community
from fairlead.model.addresses import IPFamily


@dataclass(frozen=True)
class Terms:
    """The terms of a session.

    Attributes:
        asn, identifier: of this speaker, the identifier like an IPv4 address.
        peer_asn: what the peer has to say.
        hold_time: seconds without a sign of the peer after which it counts as dead; the lower one of both sides counts.
        restart_time: seconds for which the peer is to keep routes while the speaker is away; 0: it is to drop them.
        has_password: whether the connection is signed; wrong signatures are not answered.
    """

    asn: int
    peer_asn: int
    identifier: str
    families: tuple[IPFamily, ...]
    hold_time: int = 9
    restart_time: int = 60
    local_pref: int = 100
    communities: tuple[Community, ...] = ()
    has_password: bool = False
