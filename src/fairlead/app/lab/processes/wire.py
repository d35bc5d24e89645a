"""The wire's process: one more port of the lab's switch, which leads to other hosts.

It sends frames from the switch's link in VXLAN to their destination hosts, and frames from those hosts to the switch.
The lab's first host is the center of a star: it forwards frames between two other hosts. A datagram is accepted only
from the address of a known host. Nothing else proves its sender, because VXLAN neither encrypts nor authenticates
(RFC 7348, section 7).
"""

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from fairlead.dataplane.learning_switch import LearningSwitch
from fairlead.dataplane.vxlan import frame_in, header
from fairlead.drivers.lab.wire_ends import open_link
from fairlead.model.socket_address import SocketAddress

LINK = "eth0"
_BURST = 64  # frames after which the other direction has its turn
_LARGEST = 65536
_STRANGERS = 8  # hosts that have been reported

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WireOptions:
    """One wire.

    Attributes:
        vni: number of the lab's VXLAN segment.
        peers: the other hosts.
        underlay: UDP socket of this machine that reaches them.
        tell: called with messages that the user might want to act on.
    """

    vni: int
    peers: tuple[SocketAddress, ...]
    underlay: socket.socket
    tell: Callable[[str], None]


async def run(options: WireOptions, ready: Callable[[], None]) -> None:
    """Pass frames on until cancelled.

    Raises:
        OSError: the lab's link cannot be listened to.
    """
    with open_link(LINK) as link:
        wire = Wire(options, link)
        loop = asyncio.get_running_loop()
        loop.add_reader(link, wire.take_from_lab)
        loop.add_reader(options.underlay, wire.take_from_hosts)
        ready()
        await loop.create_future()


class Wire:
    """The switch in the middle, with a port for the lab on this host (None) and one for each other host."""

    def __init__(self, options: WireOptions, link: socket.socket) -> None:
        self._options, self._link, self._underlay = options, link, options.underlay
        self._header = header(options.vni)
        self._switch = LearningSwitch[SocketAddress | None]([None, *options.peers])
        self._known = _known_senders(options.peers)
        self._strangers: set[str] = set()

    def take_from_lab(self) -> None:
        """Pass on what has come in by the lab's link."""
        with suppress(OSError):  # nothing more has come
            for _ in range(_BURST):
                self._pass_on(self._link.recv(_LARGEST), None)

    def take_from_hosts(self) -> None:
        """Pass on what has come from other hosts."""
        with suppress(BlockingIOError):
            for _ in range(_BURST):
                datagram, sender = self._underlay.recvfrom(_LARGEST)
                peer = self._known.get(sender[:2]) or self._known.get(sender[0])
                if peer is None:
                    self._refuse(sender[0])
                elif frame := frame_in(datagram, self._options.vni):
                    self._pass_on(frame, peer)

    def _pass_on(self, frame: bytes, came_by: SocketAddress | None) -> None:
        for port in self._switch.take(frame, came_by, time.monotonic()):
            try:
                if port is None:
                    self._link.send(frame)
                else:
                    self._underlay.sendmsg((self._header, frame), (), 0, port)
            except OSError:  # no room, no way, too long: as good as a frame lost on a cable
                continue

    def _refuse(self, host: str) -> None:
        if host not in self._strangers and len(self._strangers) < _STRANGERS:
            self._strangers.add(host)
            self._options.tell(f"the wire drops packets from {host}: no node is invited from there")


def _known_senders(peers: Iterable[SocketAddress]) -> dict[object, SocketAddress]:
    """Peers by their address and port; and by their address alone where only one has it, since a kernel's VXLAN device
    sends from another port for each flow (RFC 7348, section 5)."""
    peers = list(peers)
    hosts = [peer.ip for peer in peers]
    alone = {peer.ip: peer for peer in peers if hosts.count(peer.ip) == 1}
    return dict((*alone.items(), *((peer, peer) for peer in peers)))
