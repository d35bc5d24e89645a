"""Chooses the user whose request is processed next when the server is overloaded.

All requests share one thread. In each round of the event loop a few are taken, in the order of ``FairQueue``, before
the network is looked at again; without that, the loop would work them off as they came, and one user's thousand would
come before another one's first. As long as nothing waits, a turn costs no waiting at all.
"""

import asyncio

from fairlead.registry.access.flow_control.fair_queue import FairFlow, FairQueue
from fairlead.registry.status import ApiError

MAX_WAITING = 256  # requests of one user
WAITING_SECONDS = 30.0
PER_ROUND = 8
ROUND_SECONDS = 0.004
RETRY_SECONDS = 1


def too_many_requests(why: str = "Too many requests, please try again later.") -> ApiError:
    """Upstream's refusal, apiserver ``pkg/util/flowcontrol``; the client is told to come back."""
    return ApiError(429, "TooManyRequests", why, {"retryAfterSeconds": RETRY_SECONDS})


class Turns:
    """The turns of one event loop."""

    def __init__(self) -> None:
        self._queue: FairQueue[asyncio.Future[None]] = FairQueue(MAX_WAITING)
        self._waiting = 0
        self._left, self._seconds_left = PER_ROUND, ROUND_SECONDS
        self._has_next_round = False

    async def take(self, flow: FairFlow) -> None:
        """Return when it is this flow's turn; what it does then is to be told with ``charge``.

        Raises:
            ApiError: 429, too many of its requests wait, or this one has waited too long.
        """
        if not self._waiting and self._left > 0 and self._seconds_left > 0:
            self._use()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._queue.push(flow, turn):
            raise too_many_requests()
        self._waiting += 1
        self._start_next_round()
        try:
            async with asyncio.timeout(WAITING_SECONDS):
                await turn
        except TimeoutError:
            raise too_many_requests() from None

    def charge(self, flow: FairFlow, seconds: float) -> None:
        """Say what a turn took."""
        self._queue.charge(flow, seconds)
        self._seconds_left -= seconds

    def _use(self) -> None:
        self._left -= 1
        self._start_next_round()

    def _start_next_round(self) -> None:
        if not self._has_next_round:
            self._has_next_round = True
            asyncio.get_running_loop().call_soon(self._next_round)

    def _next_round(self) -> None:
        """Hand out the turns of a round. What they did in the last one, if it took too long, is made up for in this."""
        self._has_next_round = False
        self._left = PER_ROUND
        self._seconds_left = min(ROUND_SECONDS, self._seconds_left + ROUND_SECONDS)
        granted = 0
        while self._waiting and self._left > 0 and (self._seconds_left > 0 or not granted):
            _, turn = self._queue.pop()
            self._waiting -= 1
            if not turn.done():  # else its client has gone, or it has waited too long
                turn.set_result(None)
                granted += 1
                self._use()
                if self._seconds_left <= 0:
                    break
