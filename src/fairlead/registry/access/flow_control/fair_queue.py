"""The order of waiting requests of many users: the user with the least server time so far is next.

Start-time fair queueing: each flow has a clock that its work, divided by its weight, advances; a flow that was idle
starts at the clock of the others and keeps no credit. So a user with a thousand requests delays another user's single
request only by the work in progress.
"""

from collections import deque
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")


class FairFlow(NamedTuple):
    """A user in the order of requests."""

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
        """Add an item; False if its flow is full."""
        waiting = self._waiting.setdefault(flow, deque())
        if len(waiting) >= self._longest:
            return False
        waiting.append(item)
        return True

    def pop(self) -> tuple[FairFlow, Item]:
        """The next item; must only be called if there is one."""
        flow = min(self._waiting, key=self._clock)
        waiting = self._waiting[flow]
        item = waiting.popleft()
        if not waiting:
            del self._waiting[flow]
        return flow, item

    def charge(self, flow: FairFlow, cost: float) -> None:
        """Record the duration of a flow's work, in seconds, whether it waited or not."""
        if not self._waiting:  # no flow is waiting, so there is nothing to balance
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
        """Drop the clocks that are not ahead of a new flow's."""
        self._clocks = {flow: clock for flow, clock in self._clocks.items() if clock > self._now}
