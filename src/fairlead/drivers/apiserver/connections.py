"""Counts the connections of each user.

A connection belongs to a stranger until its first request says whose it is. Strangers share an eighth of the table, and
when that is used up the one that came first has to go: an honest client sends its request at once, while those that
only hold connections push out each other. A user has a share according to their ``Level``; above it they are told to
come back later.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from fairlead.registry.access.flow_control.levels import UNAUTHENTICATED, Level

MAX_CONNECTIONS = 4096
# Descriptors that connections leave alone: the store's, listeners, connections to nodes, and those yet to be counted.
RESERVED = 384
FEWEST = 64


class Connection(Protocol):
    """A connection that can be cut."""

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""

    def cut(self) -> None:
        """End it at once."""


class Connections:
    """The connections of one server."""

    def __init__(self, descriptors: int) -> None:
        """Args:
        descriptors: how many the process may have.
        """
        self.most = max(FEWEST, min(MAX_CONNECTIONS, descriptors - RESERVED))
        self._owners: dict[Connection, str | None] = {}  # the oldest first; None: a stranger's
        self._held: Counter[str | None] = Counter()

    def __len__(self) -> int:
        return len(self._owners)

    def add(self, connection: Connection) -> None:
        """Count a connection, and cut another one if that makes too many."""
        self._owners[connection] = None
        self._held[None] += 1
        if self._held[None] > self.most * UNAUTHENTICATED.share:
            self._cut(other for other, owner in self._owners.items() if owner is None)
        if len(self._owners) > self.most:
            self.relieve()
        if len(self._owners) > self.most:
            connection.cut()

    def claim(self, connection: Connection, user: str, level: Level) -> bool:
        """Count a connection as a user's; False when they have too many."""
        owner = self._owners.get(connection, user)
        if owner == user or level is UNAUTHENTICATED:
            return True
        if self._held[user] >= self.most * level.share:
            return False
        self._held[owner] -= 1
        self._held[user] += 1
        self._owners[connection] = user
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        if connection in self._owners:
            owner = self._owners.pop(connection)
            self._held[owner] -= 1
            if not self._held[owner]:
                del self._held[owner]

    def relieve(self) -> None:
        """Cut the oldest idle connection of the client that holds most, so that its descriptor can be used again."""
        for owner, _ in self._held.most_common():
            if self._cut(other for other, whose in self._owners.items() if whose == owner and other.is_idle):
                return

    def _cut(self, candidates: Iterable[Connection]) -> bool:
        victim = next(iter(candidates), None)
        if victim is None:
            return False
        self.remove(victim)
        victim.cut()
        return True
