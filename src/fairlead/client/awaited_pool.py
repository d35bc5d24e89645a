"""The pool between tasks of one event loop: no lock, only waiting for a change."""

import asyncio
import time
from contextlib import suppress

from fairlead.client.core.endpoint import Endpoint, NoEndpoints, Update, Wanted
from fairlead.client.core.member import Member
from fairlead.client.core.pool import Pool, RequestOutcome
from fairlead.client.following import Role


class AwaitedPool:
    """A pool that tasks share."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._changed = asyncio.Event()
        self._closed = False

    def close(self) -> None:
        """Refuse all that wait, and all that come."""
        self._closed = True
        self._tell()

    async def take(self, wanted: Wanted, wait: float) -> Member:
        """Pick; while there is nothing to pick, wait for the first look-up and then for ``wait`` seconds.

        Raises:
            NoEndpoints: there is nothing still. RuntimeError: the pool is closed.
        """
        deadline = time.monotonic() + wait
        while not self._closed:
            now = time.monotonic()
            knows = self._pool.knows(wanted)
            try:
                return self._pool.pick(wanted, now)
            except NoEndpoints:
                if knows and now >= deadline:
                    raise
            with suppress(TimeoutError):
                async with asyncio.timeout(deadline - now if knows else None):
                    await self._changed.wait()
        raise RuntimeError("the balancer is closed")

    def give_back(self, member: Member, verdict: RequestOutcome) -> None:
        self._pool.release(member, verdict, time.monotonic())

    def take_update(self, update: Update) -> None:
        self._pool.update(update)
        self._tell()

    def take_role(self, endpoint: Endpoint, role: Role) -> None:
        self._pool.assign(endpoint, role)
        self._tell()

    def finish_round(self) -> None:
        self._pool.probed = True
        self._tell()

    def endpoints(self) -> tuple[Endpoint, ...]:
        return self._pool.endpoints

    def _tell(self) -> None:
        """Wake all that wait; who waits from now on waits for the next change."""
        self._changed.set()
        self._changed = asyncio.Event()
