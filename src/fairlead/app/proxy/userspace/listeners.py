"""The sockets of a lab without namespaces: one for each frontend, each with a relay behind it."""

import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable

from fairlead.app.proxy.userspace.frontends import Frontend
from fairlead.drivers.proxy.datagram_relay import DatagramRelay
from fairlead.drivers.proxy.stream_relay import Address, Route, StreamRelay, listen
from fairlead.labnet.loopback import PortRule
from fairlead.netfilter.ruleset import Target

log = logging.getLogger(__name__)

Decide = Callable[[Frontend, Address], Awaitable[Route]]


class Listeners:
    """Keeps sockets open where there are frontends.

    Args:
        decide: where a connection to a frontend goes, by the client's address.
        note: called with one line about each frontend that could not be bound.
    """

    def __init__(self, ports: PortRule, decide: Decide, note: Callable[[str], None]) -> None:
        self._ports, self._decide, self._note = ports, decide, note
        self._open: dict[Frontend, StreamRelay | DatagramRelay] = {}
        self._failed: set[Frontend] = set()

    def keep(self, wanted: Iterable[Frontend]) -> None:
        """Listen at exactly these frontends. One that cannot be bound is tried again at the next call."""
        frontends = set(wanted)
        for gone in self._open.keys() - frontends:
            self._open.pop(gone).close()
        self._failed &= frontends
        for new in sorted(frontends - self._open.keys()):
            self._add(new)

    def forget(self, frontend: Frontend, target: Target) -> None:
        """End the UDP flows that lead from a frontend to an endpoint which no longer serves."""
        relay = self._open.get(frontend)
        if isinstance(relay, DatagramRelay):
            relay.forget(target)

    def close(self) -> None:
        """Close all listeners."""
        self.keep(())

    def _add(self, frontend: Frontend) -> None:
        kind = socket.SOCK_STREAM if frontend.protocol == "tcp" else socket.SOCK_DGRAM
        address = frontend.address, self._ports.bound(frontend.port)
        try:
            made = listen(address, kind)
        except OSError as error:
            self._tell_once(frontend, error)
            return
        self._failed.discard(frontend)

        async def decide(client: Address) -> Route:
            return await self._decide(frontend, client)

        relay = StreamRelay(made, decide) if kind is socket.SOCK_STREAM else DatagramRelay(made, decide)
        self._open[frontend] = relay

    def _tell_once(self, frontend: Frontend, error: OSError) -> None:
        if frontend in self._failed:
            return
        self._failed.add(frontend)
        what = "something else listens there" if error.errno == errno.EADDRINUSE else error.strerror
        self._note(f"{frontend} does not answer: port {self._ports.bound(frontend.port)} of it: {what}")
        log.warning("%s: %s", frontend, error)
