"""Which numbers of a range are given out first: the upper band at random, the lower one only when that is full.

Users who choose a number themselves choose low ones by habit (10.96.0.10, 30080); keeping the random choice out of the
lower band makes a clash unlikely (KEP-3070). Nothing here knows what the numbers stand for: an address is its integer.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

MIN_STATIC = 16


class RangeFull(Exception):
    """Every number of the range is taken."""

    def __init__(self) -> None:
        super().__init__("range is full")


class Bands(NamedTuple):
    """The numbers from ``first`` to ``last``, both included; the first ``static`` of them form the lower band."""

    first: int
    last: int
    static: int

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self.first <= number <= self.last

    @property
    def dynamic_first(self) -> int:
        return self.first + self.static


def static_size(size: int, share: int, limit: int) -> int:
    """How long the lower band of a range of ``size`` numbers is: one part in ``share``, within limits."""
    return 0 if size <= MIN_STATIC else min(max(MIN_STATIC, size // share), limit)


def choose_free(bands: Bands, is_taken: Callable[[int], bool], choose: Callable[[int], int]) -> int:
    """A free number: from a random start upwards, around the upper band and then around the lower one.

    The cost is one look-up for each taken number that is passed, so it is small until the range is nearly full.

    Args:
        choose: an index below its argument, evenly at random.

    Raises:
        RangeFull: no number is free.
    """
    upper = _around(bands.dynamic_first, bands.last, choose)
    lower = _around(bands.first, bands.dynamic_first - 1, choose)
    for number in chain(upper, lower):
        if not is_taken(number):
            return number
    raise RangeFull


def _around(first: int, last: int, choose: Callable[[int], int]) -> Iterator[int]:
    size = last - first + 1
    if size <= 0:
        return
    start = first + choose(size)
    yield from range(start, last + 1)
    yield from range(first, start)
