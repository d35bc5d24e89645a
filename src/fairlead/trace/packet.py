"""A connection's first packet, the host that it meets, and how it can be handled."""

import enum

import msgspec

from fairlead.model.addresses import IPFamily, family_of


class Packet(msgspec.Struct, frozen=True):
    """The first packet of a connection.

    Attributes:
        protocol: tcp, udp or sctp.
        interface: through which it comes in; "" for a packet that a process of this host sends.
    """

    source: str
    destination: str
    port: int
    protocol: str = "tcp"
    interface: str = ""

    @property
    def family(self) -> IPFamily:
        return family_of(self.destination)


class PacketFate(enum.StrEnum):
    """The decision of the filters."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"


class Outcome(msgspec.Struct, frozen=True, order=True):
    """One way in which a packet can be handled; for a discarded packet only the fate is set.

    Attributes:
        destination, port: where it is sent on to (unchanged: no rule translated it).
        is_masqueraded: whether the receiver sees this node's address instead of the sender's.
    """

    fate: PacketFate
    destination: str = ""
    port: int = 0
    is_masqueraded: bool = False

    def __str__(self) -> str:
        if self.fate is not PacketFate.ACCEPT:
            return self.fate.value
        return f"{self.destination}:{self.port}" + (" masqueraded" if self.is_masqueraded else "")


DROPPED, REJECTED = Outcome(PacketFate.DROP), Outcome(PacketFate.REJECT)
