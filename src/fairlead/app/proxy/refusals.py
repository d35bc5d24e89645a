"""The Services whose rules are out of date: reports about them, and the times of retries."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from fairlead.model.names import ObjectKey

FIRST_RETRY, LAST_RETRY = 0.1, 30.0  # seconds after a failure, doubling


class _Refusal(NamedTuple):
    reason: str
    delay: float
    due: float  # by the monotonic clock


class Refusals:
    """The refused Services of all IP families.

    Args:
        tell: called with each newly refused Service, and when the reason changes.
    """

    def __init__(self, tell: Callable[[ObjectKey, str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._known: dict[ObjectKey, _Refusal] = {}

    @property
    def keys(self) -> frozenset[ObjectKey]:
        return frozenset(self._known)

    @property
    def next_try(self) -> float:
        """When the first of them is to be tried again; infinity when there is none."""
        return min((refusal.due for refusal in self._known.values()), default=float("inf"))

    def due(self) -> set[ObjectKey]:
        """The Services whose retry is due."""
        now = self._clock()
        return {key for key, refusal in self._known.items() if refusal.due <= now}

    def tried(self, keys: set[ObjectKey], held: Mapping[ObjectKey, str]) -> None:
        """A step has tried these Services, and those that are held are not what they should be."""
        for key in self._known.keys() - held.keys():
            del self._known[key]
        for key, reason in held.items():
            known = self._known.get(key)
            if known is None or key in keys:
                delay = FIRST_RETRY if known is None else min(known.delay * 2, LAST_RETRY)
                self._known[key] = _Refusal(reason, delay, self._clock() + delay)
            if known is None or known.reason != reason:
                self._tell(key, reason)
