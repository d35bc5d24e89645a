"""An Ethernet switch: computes the ports through which a received frame leaves.

It learns the location of each frame's sender (IEEE 802.1D, section 7.8), and sends frames to unknown addresses to all
other ports. The caller chooses the identifiers of ports. The switch has no spanning tree: in a ring of switches, frames
circulate indefinitely.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Generic, TypeVar

AGEING = 300.0  # seconds after which an address that was not heard of is forgotten: 802.1D's default
MAX_ADDRESSES = 4096  # of the addresses beyond these, the one that was not heard of for longest is forgotten
_GROUP = 0x01  # in the first octet: for many, or for all
_NOT_FORWARDED = bytes.fromhex("0180c20000")  # whatever octet follows: between neighbours only (802.1D, table 7-10)

Port = TypeVar("Port", bound=Hashable)


class LearningSwitch(Generic[Port]):
    """One switch with a fixed set of ports."""

    def __init__(self, ports: Iterable[Port]) -> None:
        self._all = tuple(ports)
        self._others = {port: tuple(other for other in self._all if other != port) for port in self._all}
        self._only = {port: (port,) for port in self._all}
        self._learned: dict[bytes, tuple[Port, float]] = {}  # the one heard of last comes last

    def take(self, frame: bytes, came_by: Port, now: float) -> Sequence[Port]:
        """The ports that a frame leaves by; none when it is for where it came from.

        Args:
            frame: from the destination address on, at least the Ethernet header.
            now: seconds, of any clock that never goes back.
        """
        receiver, sender = frame[:6], frame[6:12]
        self._learn(sender, came_by, now)
        if receiver[0] & _GROUP:
            return () if receiver.startswith(_NOT_FORWARDED) else self._others[came_by]
        port, heard = self._learned.get(receiver, (None, 0.0))
        if port is None or now - heard > AGEING:
            return self._others[came_by]
        return () if port == came_by else self._only[port]

    def _learn(self, sender: bytes, port: Port, now: float) -> None:
        if sender[0] & _GROUP:
            return
        self._learned.pop(sender, None)
        self._learned[sender] = port, now
        if len(self._learned) > MAX_ADDRESSES:
            del self._learned[next(iter(self._learned))]
