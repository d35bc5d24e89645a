"""Waiting for a moment, while the clock goes on by itself and is set."""

import pytest

from fairlead.drivers.time_of_day import LOOK_EVERY, clock_reaches
from tests.support.virtual_time import VirtualLoop

YEAR = 365 * 86_400.0


@pytest.mark.parametrize(
    ("moment", "set_by", "waits"),
    [(0.0, 0.0, 0.0), (-5.0, 0.0, 0.0), (90.0, 0.0, 90.0), (YEAR, YEAR, LOOK_EVERY), (10.0, -100.0, 110.0)],
)
def test_the_moment_comes_by_itself_or_with_a_clock_that_is_set(moment, set_by, waits):
    loop, ahead = VirtualLoop(), [0.0]
    began = loop.time()

    async def wait():
        loop.call_later(0.001, lambda: ahead.append(set_by))
        await clock_reaches(began + moment, lambda: loop.time() + ahead[-1])

    loop.run_until_complete(wait())
    assert loop.time() - began == pytest.approx(waits, abs=0.01)
    loop.finish()
