"""Notices what others do to this host: to its rules, and to its addresses."""

import time

from fairlead.drivers.linux.local_addresses import local_addresses
from fairlead.drivers.proxy import nft

CHECK_SECONDS, LAST_CHECK = 1.0, 30.0  # between looks at whether somebody else has changed the ruleset


class HostWatch:
    """What is known of the host.

    Args:
        needs_addresses: whether node ports depend on the host's addresses.

    Attributes:
        addresses: those of all interfaces, when they were read last.
        patience: seconds between two looks. next_look: when the next is due, by the monotonic clock.
    """

    def __init__(self, *, needs_addresses: bool) -> None:
        self._needs_addresses = needs_addresses
        self._generation = 0  # of the ruleset, as far as we account for it
        self.addresses: tuple[str, ...] = ()
        self.patience, self.next_look = CHECK_SECONDS, time.monotonic()

    def account_for(self, transactions: int) -> None:
        """These were ours."""
        self._generation += transactions

    def account_for_all(self) -> None:
        """Whatever has been done to the rules so far is known."""
        self._generation = nft.generation()

    async def read_addresses(self) -> None:
        self.addresses = await self._addresses()

    def have_strangers_come(self) -> bool:
        """A generation that our own transactions do not account for means that somebody has touched the ruleset.

        It may not have been ours, and to find out costs a look at all of it: the more often, the later the next look.
        """
        generation = nft.generation()
        if generation == self._generation:
            self.patience = CHECK_SECONDS
            return False
        self._generation, self.patience = generation, min(self.patience * 2, LAST_CHECK)
        return True

    def looked(self) -> None:
        """A look has been taken."""
        self.next_look = time.monotonic() + self.patience

    async def have_addresses_changed(self) -> bool:
        return await self._addresses() != self.addresses

    async def _addresses(self) -> tuple[str, ...]:
        return await local_addresses() if self._needs_addresses else ()
