"""The pool between threads: one lock, and waiting for a change."""

import threading
import time

from fairlead.client.core.endpoint import Endpoint, NoEndpoints, Update, Wanted
from fairlead.client.core.member import Member
from fairlead.client.core.pool import Pool, RequestOutcome
from fairlead.client.following import Role


class LockedPool:
    """A pool that threads share."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._changed = threading.Condition()
        self._closed = False

    def close(self) -> None:
        """Refuse all that wait, and all that come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, wanted: Wanted, wait: float) -> Member:
        """Pick; while there is nothing to pick, wait for the first look-up and then for ``wait`` seconds.

        Raises:
            NoEndpoints: there is nothing still. RuntimeError: the pool is closed.
        """
        deadline = time.monotonic() + wait
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                knows = self._pool.knows(wanted)
                try:
                    return self._pool.pick(wanted, now)
                except NoEndpoints:
                    if knows and now >= deadline:
                        raise
                self._changed.wait(deadline - now if knows else None)
        raise RuntimeError("the balancer is closed")

    def give_back(self, member: Member, verdict: RequestOutcome) -> None:
        with self._changed:
            self._pool.release(member, verdict, time.monotonic())

    def take_update(self, update: Update) -> None:
        with self._changed:
            self._pool.update(update)
            self._changed.notify_all()

    def take_role(self, endpoint: Endpoint, role: Role) -> None:
        with self._changed:
            self._pool.assign(endpoint, role)
            self._changed.notify_all()

    def finish_round(self) -> None:
        with self._changed:
            self._pool.probed = True
            self._changed.notify_all()

    def endpoints(self) -> tuple[Endpoint, ...]:
        with self._changed:
            return self._pool.endpoints
