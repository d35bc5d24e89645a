"""Detects changes of this network namespace's rules by other programs.

Every transaction increases the ruleset's generation. An increase that our own transactions do not explain comes from
another program. It might not concern our rules, and to find out, all of them must be read: the more often that
happens, the later is the next check.
"""

import time

from fairlead.drivers.proxy import nft

CHECK_SECONDS, LAST_CHECK = 1.0, 30.0  # between looks


class RulesetWatch:
    """What is accounted for.

    Attributes:
        patience: seconds between two looks. next_look: when the next is due, by the monotonic clock.
    """

    def __init__(self) -> None:
        self._generation = 0
        self.patience, self.next_look = CHECK_SECONDS, time.monotonic()

    def account_for(self, transactions: int) -> None:
        """These were ours."""
        self._generation += transactions

    def account_for_all(self) -> None:
        """Whatever has been done so far is known."""
        self._generation = nft.generation()

    def has_foreign_changes(self) -> bool:
        """Whether there was a transaction that is not accounted for, since the last look."""
        generation = nft.generation()
        if generation == self._generation:
            self.patience = CHECK_SECONDS
            return False
        self._generation, self.patience = generation, min(self.patience * 2, LAST_CHECK)
        return True

    def looked(self) -> None:
        """A look has been taken."""
        self.next_look = time.monotonic() + self.patience
