"""The host ports of Pods in a lab without namespaces: sockets on the node's own addresses."""

import asyncio
import logging
import socket

from fairlead.drivers.proxy.datagram_relay import DatagramRelay
from fairlead.drivers.proxy.stream_relay import Address, Route, StreamRelay, listen
from fairlead.labnet.loopback import PortRule
from fairlead.netfilter.ruleset import Target
from fairlead.nodeagent.host_ports import HostPortForward

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}

log = logging.getLogger(__name__)


class LoopbackHostPorts:
    """The replacement of ``HostPorts`` on nodes without rules.

    Args:
        addresses: the node's own addresses. ports: the replacement of each port.
    """

    def __init__(self, addresses: tuple[str, ...], ports: PortRule) -> None:
        self._addresses, self._ports = addresses, ports
        self._open: dict[str, list[StreamRelay | DatagramRelay]] = {}  # by the UID of the Pod

    async def put(self, uid: str, forwards: tuple[HostPortForward, ...]) -> None:
        """Replace the forwards of the Pod with this UID."""
        for relay in self._open.pop(uid, ()):
            relay.close()
        if forwards:
            self._open[uid] = [relay for forward in forwards for relay in self._relays(forward)]

    def expect(self, uid: str, forwards: tuple[HostPortForward, ...]) -> None:
        """No Pod outlives the agent."""

    async def apply(self) -> None:
        """Nothing to restore: only ``put`` makes forwards."""

    async def keep(self) -> None:
        """Nobody else can touch the sockets."""
        await asyncio.Event().wait()

    def _relays(self, forward: HostPortForward) -> list[StreamRelay | DatagramRelay]:
        made = []
        target = Target(forward.target.address, self._ports.bound(forward.target.port))

        async def decide(client: Address) -> Route:
            return Route(target, client[0])

        for address in (forward.address,) if forward.address else self._addresses:
            if forward.protocol not in KINDS:
                continue
            try:
                listener = listen((address, self._ports.bound(forward.port)), KINDS[forward.protocol])
            except OSError as error:
                log.warning("host port %s:%d of %s: %s", address, forward.port, forward.owner, error)
                continue
            make = StreamRelay if forward.protocol == "tcp" else DatagramRelay
            made.append(make(listener, decide))
        return made
