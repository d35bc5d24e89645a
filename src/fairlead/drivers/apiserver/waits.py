"""Waiting for news, or for a time, whichever comes first.

A watch waits again after each change that it is sent, mostly for less than a second, for a minute at the most. So its
timer is not set for each wait: it keeps running, and when it has run off it looks whether the wait of then is over.
"""

import asyncio


class News:
    """A change that is waited for. Up to the version ``quiet_until`` there was none."""

    def __init__(self) -> None:
        self.quiet_until = 0
        self.is_there = False
        self._waiting: dict[asyncio.Future[None], None] = {}  # in the order in which they came

    def tell(self, quiet_until: int) -> None:
        """The change is visible now."""
        self.quiet_until, self.is_there = quiet_until, True
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, waiter: asyncio.Future[None]) -> None:
        """Return when the news is there, or when the waiter has its result from elsewhere."""
        if not self.is_there:
            self._waiting[waiter] = None
            try:
                await waiter
            finally:
                del self._waiting[waiter]


class Waits:
    """The waits of one watch, one after the other."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def for_news(self, news: News, until: float) -> None:
        """Return when the news is there, at this time of the loop's clock, or when the wait is ended."""
        self._waiter, self._until = self._loop.create_future(), until
        if self._timer is None or until < self._timer.when():
            self._set_timer()
        await news.wait(self._waiter)

    def end(self) -> None:
        """End the wait that is under way, if there is one."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """There are no more waits."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        self.close()
        self._timer = self._loop.call_at(self._until, self._run_off)

    def _run_off(self) -> None:
        self._timer = None
        if self._waiter is not None and self._loop.time() < self._until:
            self._set_timer()
        else:
            self.end()
