"""Waits for a moment of the time of day, which can be set; and timers stand still while a machine sleeps."""

import asyncio
import time
from collections.abc import Callable

LOOK_EVERY = 60.0  # seconds between looks at the clock


async def clock_reaches(moment: float, clock: Callable[[], float] = time.time) -> None:
    """Return when the clock shows that moment or a later one, at most ``LOOK_EVERY`` seconds after it was set to it.

    Args:
        moment: seconds since the epoch.
    """
    while (left := moment - clock()) > 0:  # noqa: ASYNC110 - there are no events of a clock that is set
        await asyncio.sleep(min(left, LOOK_EVERY))
