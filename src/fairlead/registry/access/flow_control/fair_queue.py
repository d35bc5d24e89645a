"""The order in which waiting requests of many users are served: who has had least of the server's time is next.

Start-time fair queueing: each flow has a clock that its work moves on, divided by its weight; a flow that was idle
begins where the others are and saves nothing up. So a user with a thousand requests delays another one's only request
by the work that is under way, not by a thousand.
"""

from collections import deque
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")


class FairFlow(NamedTuple):
    """A user, as far as the order is concerned."""

    name: str
    weight: int


class FairQueue(Generic[Item]):
    """Waiting items, by flow."""

    def __init__(self, longest: int) -> None:
        """Args:
        longest: how many items of one flow may wait.
        """
        self._longest = longest
        self._waiting: dict[FairFlow, deque[Item]] = {}
        self._clocks: dict[FairFlow, float] = {}
        self._now = 0.0  # the clock at which the latest work began

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def push(self, flow: FairFlow, item: Item) -> bool:
        """Add an item; False when too many of its flow wait already."""
        waiting = self._waiting.setdefault(flow, deque())
        if len(waiting) >= self._longest:
            return False
        waiting.append(item)
        return True

    def pop(self) -> tuple[FairFlow, Item]:
        """The next item; to be called only while there is one."""
        flow = min(self._waiting, key=self._clock)
        waiting = self._waiting[flow]
        item = waiting.popleft()
        if not waiting:
            del self._waiting[flow]
        return flow, item

    def charge(self, flow: FairFlow, cost: float) -> None:
        """Say what work of a flow took, in seconds; it need not have waited."""
        if not self._waiting:  # nobody is kept from anything, so there is nothing to make up for
            self._clocks.clear()
            return
        began = self._clock(flow)
        self._now = max(self._now, began)
        self._clocks[flow] = began + cost / flow.weight
        if len(self._clocks) > 2 * len(self._waiting) + 64:
            self._forget()

    def _clock(self, flow: FairFlow) -> float:
        return max(self._clocks.get(flow, 0.0), self._now)

    def _forget(self) -> None:
        """Drop the clocks that are no later than an unknown flow's would be."""
        self._clocks = {flow: clock for flow, clock in self._clocks.items() if clock > self._now}
