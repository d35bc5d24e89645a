"""A queue of keys to work on: each at most once in the queue, never with two workers, retried ever more slowly.

A key that is added while it is being worked on comes back when that work is done, so that no change is missed and none
is worked on twice at once. There is no minimum delay: what is added is handed out at the next turn of the event loop.
Upstream: client-go ``util/workqueue`` (queue.go, default_rate_limiters.go).
"""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST_RETRY, LAST_RETRY = 0.005, 60.0  # seconds; doubling with each failure in a row
SOON = 4  # failures in a row, after which the next attempt is 80 milliseconds away


class Timer(Protocol):
    """Something planned that can be called off."""

    def cancel(self) -> object: ...


class Clock(Protocol):
    """Time that only goes forward, in seconds, and can be waited for; an asyncio event loop is one."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer: ...


class WorkQueue(Generic[K]):
    """Keys that wait, are at work, or wait for a retry. For the tasks of one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: asyncio.Queue[K] = asyncio.Queue()
        self._dirty: set[K] = set()  # wanted: waiting, or to come back once the present work is done
        self._at_work: set[K] = set()
        self._failures: dict[K, int] = {}
        self._timers: dict[K, Timer] = {}

    def add(self, key: K) -> None:
        """Ask for work on a key, now; what was planned for later is called off."""
        self._call_off(key)
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._at_work:
            self._waiting.put_nowait(key)

    def add_later(self, key: K, delay: float) -> None:
        """Ask for work on a key in ``delay`` seconds, in place of what was planned; nothing if it waits already."""
        if key in self._dirty:
            return
        self._call_off(key)
        self._timers[key] = self._clock.call_later(delay, lambda: self.add(key))

    async def get(self) -> K:
        """The next key, once there is one. The caller must call ``done`` or ``failed`` with it, whatever happens."""
        key = await self._waiting.get()
        self._dirty.discard(key)
        self._at_work.add(key)
        return key

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be done now. What is planned for later does not count, unless it has only just failed:
        what is refused again and again, as in a namespace that is being deleted, would never be done."""
        just_failed = any(self._failures.get(key, SOON + 1) <= SOON for key in self._timers)
        return not (self._dirty or self._at_work or just_failed)

    def done(self, key: K) -> None:
        """The work on a key succeeded; its failures are forgotten."""
        self._failures.pop(key, None)
        self._finish(key)

    def failed(self, key: K) -> float:
        """The work on a key failed: plan the next attempt, in the number of seconds that is returned."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(FIRST_RETRY * 2.0 ** min(failures, 30), LAST_RETRY)
        self._finish(key)
        self.add_later(key, delay)
        return delay

    def _finish(self, key: K) -> None:
        self._at_work.discard(key)
        if key in self._dirty:
            self._waiting.put_nowait(key)

    def _call_off(self, key: K) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
