"""The work queue: every key is handed out after its last change, once, and never to two workers."""

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fairlead.drivers.kube.work_queue import FIRST_RETRY, LAST_RETRY, WorkQueue
from tests.support.fake_clock import FakeClock


async def next_key(queue):
    task = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    if task.done():
        return task.result()
    task.cancel()
    return None


@pytest.fixture(scope="module", autouse=True)
def loop():
    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())
        yield
        asyncio.set_event_loop(None)


def take(queue):
    """The next key, or None when the queue has nothing to hand out now."""
    return asyncio.get_event_loop().run_until_complete(next_key(queue))


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def queue(clock):
    return WorkQueue(clock)


def test_a_key_is_handed_out_once_however_often_it_was_added(queue):
    for key in "aab":
        queue.add(key)
    assert [take(queue), take(queue), take(queue)] == ["a", "b", None]


def test_a_key_added_during_its_work_comes_back_only_when_the_work_is_done(queue):
    queue.add("a")
    assert take(queue) == "a"
    queue.add("a")
    assert take(queue) is None
    queue.done("a")
    assert take(queue) == "a"


def test_failures_back_off_exponentially_up_to_a_limit_and_success_forgets_them(queue, clock):
    delays = []
    queue.add("a")
    for _ in range(16):
        assert take(queue) == "a"
        delays.append(queue.failed("a"))
        clock.advance(delays[-1] * 0.99)
        assert take(queue) is None
        clock.advance(delays[-1] * 0.02)
    assert delays[:3] == [FIRST_RETRY, FIRST_RETRY * 2, FIRST_RETRY * 4]
    assert delays[-1] == LAST_RETRY
    assert take(queue) == "a"
    queue.done("a")
    queue.add("a")
    take(queue)
    assert queue.failed("a") == FIRST_RETRY


def test_one_keys_failures_do_not_delay_another(queue):
    queue.add("bad")
    take(queue)
    queue.failed("bad")
    queue.add("good")
    assert take(queue) == "good"


def test_a_change_does_not_wait_for_the_retry(queue, clock):
    queue.add("a")
    take(queue)
    queue.failed("a")
    queue.add("a")
    assert take(queue) == "a"
    queue.done("a")
    clock.advance(LAST_RETRY)
    assert take(queue) is None


def test_a_later_date_replaces_the_earlier_one(queue, clock):
    queue.add_later("a", 1)
    queue.add_later("a", 5)
    clock.advance(2)
    assert take(queue) is None
    clock.advance(4)
    assert take(queue) == "a"


class QueueModel(RuleBasedStateMachine):
    """Whatever the order of additions and results: no two workers on one key, and no change forgotten."""

    def __init__(self):
        super().__init__()
        self.clock = FakeClock()
        self.queue = WorkQueue(self.clock)
        self.at_work = set()
        self.owed = set()

    @rule(key=st.sampled_from("abc"))
    def add(self, key):
        self.queue.add(key)
        self.owed.add(key)

    @rule()
    def get(self):
        key = take(self.queue)
        available = self.owed - self.at_work
        assert (key is None) == (not available)
        if key is not None:
            assert key in available
            self.owed.discard(key)
            self.at_work.add(key)

    @rule(key=st.sampled_from("abc"), good=st.booleans())
    def finish(self, key, good):
        if key not in self.at_work:
            return
        self.at_work.discard(key)
        if good:
            self.queue.done(key)
        else:
            self.clock.advance(self.queue.failed(key))
            self.owed.add(key)

    @invariant()
    def nothing_is_lost(self):
        assert self.queue._dirty == self.owed


QueueModel.TestCase.settings = settings(max_examples=30, stateful_step_count=20)
TestQueueModel = QueueModel.TestCase
