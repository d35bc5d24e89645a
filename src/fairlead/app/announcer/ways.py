"""What both ways of announcing have in common: an address, the nodes that may serve it, and when to be asked again."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from fairlead.dataplane.announcing import Order

Orders = Mapping[str, Order]  # by address
News = Callable[[], None]


class AnnouncingWay(Protocol):
    """A way to bring packets for addresses to this node."""

    @property
    def protocol(self) -> str:
        """Its name in Events."""

    def step(self, orders: Orders, now: float) -> Collection[str]:
        """Do what the orders call for now.

        Returns:
            The addresses that this node answers for.
        """

    def due(self, now: float) -> float | None:
        """When to call ``step`` again if nothing changes; None: not before."""
