"""How long things took, counted in the buckets of upstream's DNS histograms without a call into a metrics library."""

from bisect import bisect_left
from itertools import accumulate


class Durations:
    """One histogram.

    A clock read for every reply would cost a tenth of the reply, so all replies of one batch may count as their mean.
    """

    BOUNDS = tuple(0.00025 * 2**n for n in range(16))  # seconds

    def __init__(self) -> None:
        self.counts = [0] * (len(self.BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float, number: int = 1) -> None:
        """Count ``number`` things that took this long together."""
        if number:
            self.seconds += seconds
            self.counts[bisect_left(self.BOUNDS, seconds / number)] += number

    def merge(self, other: "Durations") -> None:
        """Count what another histogram has counted too."""
        self.seconds += other.seconds
        self.counts = [own + more for own, more in zip(self.counts, other.counts, strict=True)]

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bounds as text, and how many took at most that long."""
        return list(zip([*map(str, self.BOUNDS), "+Inf"], accumulate(self.counts), strict=True))
