"""Tells routers of the addresses that this node may serve, whichever others serve them too: a router spreads
connections over all nodes that tell it of an address (equal-cost multipath)."""

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterator
from ipaddress import ip_address
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fairlead.app.announcer.protocols import Orders
from fairlead.bgp.session import Session, SessionState, StateChanged
from fairlead.bgp.settings import BgpSettings, PeerSettings
from fairlead.drivers.bgp.peer import BgpPeer
from fairlead.drivers.bgp.sockets import RouterAddress
from fairlead.model.addresses import IPFamily, first_of

SessionChanged = Callable[[str, StateChanged], None]


class Bgp:
    """Sessions with all routers.

    Args:
        addresses: of this Node, now.
        changed: called with a router's name when its session has come up, or is no longer.
    """

    protocol = "bgp"

    def __init__(
        self, settings: BgpSettings, node: str, addresses: Callable[[], tuple[str, ...]], changed: SessionChanged
    ) -> None:
        self._node, self._addresses, self._changed = node, addresses, changed
        identifier = settings.identifier(node, addresses())
        self.peers = [self._peer(settings, peer, identifier) for peer in settings.peers]

    def _peer(self, settings: BgpSettings, peer: PeerSettings, identifier: str) -> BgpPeer:
        password = Path(peer.password_file) if peer.password_file else None
        router = RouterAddress(peer.address, peer.port, password, peer.source_address, peer.ttl_security)
        session = Session(settings.terms(peer, identifier), secrets.SystemRandom().random)
        return BgpPeer(router, session, lambda told, change: self._changed(str(told.router), change))

    def start(self) -> None:
        """Call the routers, and go on until ``close``."""
        for peer in self.peers:
            peer.start()

    async def close(self) -> None:
        """End all sessions, so that routers drop this node's routes at once."""
        await asyncio.gather(*(peer.stop() for peer in self.peers))

    def step(self, orders: Orders, now: float) -> Collection[str]:
        """Announce what this node may serve, each address as a network of its own."""
        mine = {address for address, order in orders.items() if self._node in order}
        networks = {f"{address}/{ip_address(address).max_prefixlen}" for address in mine}
        known = ((family, first_of(family, self._addresses())) for family in IPFamily)
        next_hops = {family: address for family, address in known if address}
        for peer in self.peers:
            peer.announce(networks, next_hops)
        return mine

    def due(self, now: float) -> float | None:
        """Never: sessions have clocks of their own."""
        return None


class SessionMetrics(Collector):
    """The sessions as metrics; none where there is no BGP."""

    def __init__(self) -> None:
        self.peers: list[BgpPeer] = []

    def collect(self) -> Iterator[Metric]:
        """The sessions as metrics."""
        up = GaugeMetricFamily("fairlead_bgp_session_up", "Whether the session is established.", labels=("peer",))
        announced = GaugeMetricFamily("fairlead_bgp_announced_prefixes", "Networks announced now.", labels=("peer",))
        counters = {
            "established": CounterMetricFamily(
                "fairlead_bgp_sessions_established", "Times that the session came up.", labels=("peer",)
            ),
            "updates_sent": CounterMetricFamily("fairlead_bgp_updates_sent", "UPDATE messages sent.", labels=("peer",)),
            "notifications_sent": CounterMetricFamily(
                "fairlead_bgp_notifications_sent", "NOTIFICATION messages sent.", labels=("peer",)
            ),
            "notifications_received": CounterMetricFamily(
                "fairlead_bgp_notifications_received", "NOTIFICATION messages received.", labels=("peer",)
            ),
        }
        for peer in self.peers:
            label = (str(peer.router),)
            up.add_metric(label, float(peer.session.state == SessionState.ESTABLISHED))
            announced.add_metric(label, len(peer.session.announced))
            for name, counter in counters.items():
                counter.add_metric(label, getattr(peer.session.counts, name))
        yield from (up, announced, *counters.values())
