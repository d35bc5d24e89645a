"""The interface of a source of endpoints, and the simplest source."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Protocol

from fairlead.client.core.endpoint import Endpoint, Update

FAMILIES = ("IPv4", "IPv6")  # the first one that has endpoints is used


class Source(Protocol):
    """A source of endpoints."""

    def follow(self, doubt: asyncio.Event) -> AsyncGenerator[Update, None]:
        """Yield the set, and again whenever it might have changed, until the caller stops.

        Args:
            doubt: set when a request has failed; a source that can look again earlier does, and clears it.
        """


class Static:
    """A set that never changes: for tests, and for endpoints that a configuration names."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._endpoints = tuple(endpoints)

    async def follow(self, doubt: asyncio.Event) -> AsyncGenerator[Update, None]:
        """Tell the set once."""
        yield Update(self._endpoints)
        await asyncio.Event().wait()
