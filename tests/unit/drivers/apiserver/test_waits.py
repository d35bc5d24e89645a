"""Waits for news or for a time, one after the other, by one timer."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.drivers.apiserver.waits import News, Waits
from tests.support.virtual_time import VirtualLoop


def run(scenario):
    """What a scenario returns, on a loop whose time passes at once."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(scenario(loop))
    finally:
        loop.finish()


SECONDS = st.integers(0, 100)


@given(st.lists(st.tuples(SECONDS, SECONDS), max_size=8))
def test_a_wait_ends_with_the_news_or_at_its_time(waits_to_be):
    async def scenario(loop):
        waits = Waits()
        for news_after, until_after in waits_to_be:
            news, start = News(), loop.time()
            loop.call_later(news_after, news.tell, 7)
            await waits.for_news(news, start + until_after)
            assert loop.time() - start == pytest.approx(min(news_after, until_after), abs=1e-3)
            assert news.is_there or until_after <= news_after
        waits.close()

    run(scenario)


def test_news_that_is_there_is_not_waited_for():
    async def scenario(loop):
        news, start = News(), loop.time()
        news.tell(5)
        await Waits().for_news(news, start + 60)
        return news.quiet_until, loop.time() - start

    assert run(scenario) == (5, 0)


def test_many_short_waits_set_one_timer(monkeypatch):
    async def scenario(loop):
        waits, timers = Waits(), []
        set_timer = loop.call_at
        for number in range(100):
            news = News()
            loop.call_soon(news.tell, number)
            monkeypatch.setattr(loop, "call_at", lambda *how, **more: timers.append(how) or set_timer(*how, **more))
            await waits.for_news(news, loop.time() + 60)
        waits.close()
        return len(timers)

    assert run(scenario) == 1


def test_a_wait_can_be_ended():
    async def scenario(loop):
        waits, news, start = Waits(), News(), loop.time()
        loop.call_later(3, waits.end)
        await waits.for_news(news, start + 60)
        waits.end()  # nothing waits
        return round(loop.time() - start), news.is_there

    assert run(scenario) == (3, False)


def test_news_wakes_all_that_wait_for_it_and_not_those_that_have_gone():
    async def scenario(loop):
        news, woken = News(), []

        async def wait(number):
            await Waits().for_news(news, loop.time() + 60)
            woken.append(number)

        waiting = [asyncio.ensure_future(wait(number)) for number in range(3)]
        await asyncio.sleep(1)
        waiting[1].cancel()
        await asyncio.sleep(1)
        news.tell(1)
        await asyncio.sleep(1)
        return woken

    assert run(scenario) == [0, 2]
