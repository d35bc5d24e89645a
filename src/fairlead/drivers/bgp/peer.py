"""A session with a router in the running event loop: does what ``fairlead.bgp.session`` says."""

import asyncio
import logging
import socket
from collections.abc import Callable, Collection, Mapping

from fairlead.bgp.session import Connect, Disconnect, Send, Session, SessionState, StateChanged
from fairlead.drivers.bgp.sockets import RouterAddress, unconnected
from fairlead.model.addresses import IPFamily

MAX_UNSENT = 1 << 20  # octets; a peer that does not read them counts as dead
LEAVING = 1.0  # seconds for the last words to be sent

log = logging.getLogger(__name__)


class BgpPeer:
    """Keeps a session with one router, from ``start`` to ``stop``.

    Args:
        changed: called when the session has come up or gone, or could not be made.
    """

    def __init__(
        self, router: RouterAddress, session: Session, changed: Callable[["BgpPeer", StateChanged], None]
    ) -> None:
        self.router, self.session = router, session
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._connection: _Connection | None = None
        self._is_stopping = False
        self._said = ""  # a router that is not there is told of once, not at each attempt

    def start(self) -> None:
        """Begin, and go on until stopped."""
        self._act()

    async def stop(self) -> None:
        """End the session, and return when the peer has been notified."""
        last, self._is_stopping = self._connection, True
        self.session.stop(self._loop.time())
        self._act()
        if self._timer:
            self._timer.cancel()
        if last:
            await asyncio.wait([last.closed], timeout=LEAVING)

    def announce(self, networks: Collection[str], next_hops: Mapping[IPFamily, str]) -> None:
        """Announce exactly these networks from now on; see ``Session.announce``."""
        self.session.announce(networks, next_hops)
        self._act()

    def _act(self) -> None:
        """Do what the session wants, and wake up when it wants to be called."""
        for action in self.session.actions():
            match action:
                case Connect():
                    self._connecting = self._loop.create_task(self._connect())
                case Send(octets):
                    self._send(octets)
                case Disconnect():
                    self._disconnect()
                case StateChanged():
                    self._say(action)
        if self._timer:
            self._timer.cancel()
        due = self.session.due()
        self._timer = self._loop.call_at(due, self._tick) if due != float("inf") else None

    def _tick(self) -> None:
        self.session.tick(self._loop.time())
        self._act()

    async def _connect(self) -> None:
        made: socket.socket | None = None
        try:
            made, address = unconnected(self.router)
            await self._loop.sock_connect(made, address)
            await self._loop.create_connection(lambda: _Connection(self), sock=made)
        except (OSError, OverflowError) as error:
            if made:
                made.close()
            self._connecting = None
            self.session.lost(getattr(error, "strerror", None) or str(error), self._loop.time())
            self._act()
        except asyncio.CancelledError:
            if made:
                made.close()
            raise

    def opened(self, connection: "_Connection", local: str) -> None:
        """Begin on a new connection, from this local address."""
        self._connecting, self._connection = None, connection
        self.session.connected(local, self._loop.time())
        self._act()

    def _send(self, octets: bytes) -> None:
        if self._connection and self._connection.transport:
            self._connection.transport.write(octets)
            if self._connection.transport.get_write_buffer_size() > MAX_UNSENT:
                self._connection.transport.abort()

    def _disconnect(self) -> None:
        if self._connecting:
            self._connecting.cancel()
            self._connecting = None
        if self._connection and self._connection.transport:
            self._connection.transport.close()
        self._connection = None

    def heard(self, connection: "_Connection", octets: bytes) -> None:
        """The router has sent something."""
        if connection is self._connection:
            self.session.received(octets, self._loop.time())
            self._act()

    def hung_up(self, connection: "_Connection", error: Exception | None) -> None:
        """The connection has gone."""
        if connection is self._connection:
            self._connection = None
            self.session.lost(str(error or "closed by the peer"), self._loop.time())
            self._act()

    def _say(self, change: StateChanged) -> None:
        if self._is_stopping:
            return
        if change.state == SessionState.ESTABLISHED:
            log.info("BGP session with %s is up: %s", self.router, change.reason)
        elif change.state == SessionState.IDLE and change.reason != self._said:
            log.warning("no BGP session with %s: %s", self.router, change.reason)
        self._said = change.reason or self._said
        if change.state in (SessionState.ESTABLISHED, SessionState.IDLE):
            self._changed(self, change)


class _Connection(asyncio.Protocol):
    """One connection; what comes over it when it is no longer the peer's is dropped."""

    def __init__(self, peer: BgpPeer) -> None:
        self._peer = peer
        self.transport: asyncio.Transport | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._peer.opened(self, str(transport.get_extra_info("sockname")[0]))

    def data_received(self, data: bytes) -> None:
        self._peer.heard(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set_result(None)
        self._peer.hung_up(self, exc)
