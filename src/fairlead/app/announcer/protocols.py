"""The interface that both announcement protocols, layer 2 and BGP, implement."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from fairlead.dataplane.announcing import Order

Orders = Mapping[str, Order]  # by address
News = Callable[[], None]


class AnnouncementProtocol(Protocol):
    """A protocol that brings packets for addresses to this node."""

    @property
    def protocol(self) -> str:
        """The name of the protocol in Events."""

    def step(self, orders: Orders, now: float) -> Collection[str]:
        """Do what the orders call for now.

        Returns:
            The addresses that this node answers for.
        """

    def due(self, now: float) -> float | None:
        """When to call ``step`` again if nothing changes; None: not before."""
