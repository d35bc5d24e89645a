"""Answers on the nodes' link for the addresses that fall to this node, and watches for the signs of others' life."""

from collections.abc import Callable, Collection

from fairlead.app.announcer.protocols import News, Orders
from fairlead.dataplane.announcing import BEAT, SILENCE, chosen, next_silence, silent_nodes, watched
from fairlead.drivers.linux.announcing_link import AnnouncingLink, Sign

REPEATED = 5.0  # seconds for which a new address is announced again and again, since a frame may be lost


class Layer2:
    """The link, and what is known of the other announcers on it.

    Args:
        clock: as for ``step``.
        news: called when ``step`` has something to do.

    Raises:
        OSError: the link cannot be listened to.
    """

    protocol = "layer2"

    def __init__(self, node: str, interface: str, clock: Callable[[], float], news: News) -> None:
        self._node, self._clock, self._news = node, clock, news
        self._expected: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._silent: frozenset[str] = frozenset()
        self._answered: dict[str, float] = {}  # addresses, and the times of their first announcements
        self._link = AnnouncingLink(interface, self._take_sign)

    def close(self) -> None:
        """Withdraw, so that others answer at once."""
        self._link.tell(Sign.LEAVING, self._node)
        self._link.close()

    def step(self, orders: Orders, now: float) -> Collection[str]:
        """Answer for what falls to this node by now."""
        self._listen(orders, now)
        mine = {address for address, order in orders.items() if chosen(order, self._silent) == self._node}
        lost = self._answered.keys() - mine
        self._answered = {address: self._answered.get(address, now) for address in mine}
        self._link.answer_for(mine)
        if mine:
            self._link.tell(Sign.ALIVE, self._node)
        for address in lost:
            self._link.tell(Sign.YIELDED, address)
        for address, since in self._answered.items():
            if now - since < REPEATED:
                self._link.announce(address)
        return mine

    def due(self, now: float) -> float | None:
        """The time of the next sign of life, or of the next announcer that counts as silent."""
        moments = [next_silence(self._expected, self._heard, self._silent), now + BEAT if self._answered else None]
        return min((moment for moment in moments if moment is not None), default=None)

    def _listen(self, orders: Orders, now: float) -> None:
        """Update which announcers are expected and which are silent: when one is silent, the next one is expected."""
        while True:
            awaited = {node for order in orders.values() for node in watched(order, self._silent)} - {self._node}
            self._expected = {node: self._expected.get(node, now) for node in awaited}
            silent = silent_nodes(self._expected, self._heard, now)
            if silent == self._silent:
                return
            self._silent = silent

    def _take_sign(self, sign: Sign, about: str) -> None:
        now = self._clock()
        match sign:
            case Sign.ALIVE:
                self._heard[about] = now
                if about in self._silent:
                    self._news()
            case Sign.LEAVING if about in self._expected:  # as if it had been silent for long
                self._heard[about] = self._expected[about] = now - SILENCE
                self._news()
            case Sign.YIELDED if about in self._answered:  # hosts have learned that the other has it
                self._answered[about] = now
                self._news()
