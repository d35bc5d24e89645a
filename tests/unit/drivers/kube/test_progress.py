"""Waiting until copies are as new as a version."""

import asyncio
from types import SimpleNamespace
from typing import Any

from fairlead.drivers.kube.progress import reached
from fairlead.drivers.kube.work_queue import SOON, WorkQueue
from tests.support.fake_clock import FakeClock


def test_the_oldest_copy_counts_and_what_follows_from_it():
    copies: list[Any] = [SimpleNamespace(version=5), SimpleNamespace(version=3)]
    idle = [False]

    async def run():
        waiting = asyncio.ensure_future(reached(5, lambda: copies, lambda: idle[0]))
        await asyncio.sleep(0)
        copies[1].version = 6
        await asyncio.sleep(0.02)
        assert not waiting.done()
        idle[0] = True
        return await waiting

    assert asyncio.run(run()) == 5


def test_an_empty_copy_is_current():
    assert asyncio.run(reached(7, tuple, lambda: True)) == 7


def test_a_queue_is_idle_when_nothing_is_to_be_done_now():
    async def run():
        queue = WorkQueue(FakeClock())
        assert queue.is_idle
        queue.add("a")
        assert not queue.is_idle
        key = await queue.get()
        assert not queue.is_idle
        queue.failed(key)
        assert not queue.is_idle, "it is tried again at once"
        queue.add_later("b", 10.0)
        queue.done("a")
        return queue

    asyncio.run(run())


def test_repeatedly_failing_work_does_not_count():
    async def run():
        queue = WorkQueue(FakeClock())
        for _ in range(SOON + 1):
            queue.add("a")
            queue.failed(await queue.get())
        assert queue.is_idle

    asyncio.run(run())
