"""After any failure of a watch, the copy is correct within two minutes; silence is no failure."""

import asyncio
from random import Random
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from fairlead.drivers.kube import informer
from fairlead.drivers.kube.client import PODS, KubeError
from fairlead.drivers.kube.informer import Informer
from fairlead.model.objects import Pod
from tests.support.scripted_api import EXPIRED, ScriptedApi
from tests.support.virtual_time import VirtualLoop

RIGHT_WITHIN = 120.0  # seconds
NAMES = st.sampled_from("abc")
REFUSALS = st.sampled_from(
    [
        KubeError(429, "TooManyRequests", "slow down", retry_after=7),
        KubeError(429, "TooManyRequests", "never again", retry_after=86400),
        KubeError(401, "Unauthorized", "Unauthorized"),
        KubeError(403, "Forbidden", "pods is forbidden"),
        KubeError(500, "InternalError", "etcdserver: leader changed"),
        KubeError(503, "ServiceUnavailable", "starting"),
        KubeError(504, "Timeout", "Too large resource version: 9, current: 3"),
        EXPIRED,
    ]
)


class World:
    """A server, an informer of its Pods, their time and their luck."""

    def __init__(self):
        self.loop = VirtualLoop()
        self.luck = Random(1)
        self.patch = mock.patch.object(informer, "_luck", self.luck.random)
        self.patch.start()
        self.api = self.call(self._make())
        self.informer = self.call(self._inform())

    async def _make(self):
        return ScriptedApi()

    async def _inform(self):
        made = Informer(self.api, PODS, Pod, lambda old, new: None, now=self.loop.time)
        self.task = asyncio.create_task(made.run())
        return made

    def call(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    @property
    def seen(self):
        return {key.name: pod.version for key, pod in self.informer.objects.items()}

    def is_right(self):
        return self.seen == self.api.objects and self.informer.dead_for == 0 and not self.task.done()

    def finish(self):
        self.loop.finish()
        self.patch.stop()

    def settle(self):
        self.api.heal()
        self.loop.advance(RIGHT_WITHIN)
        assert self.seen == self.api.objects
        assert self.informer.dead_for == 0
        assert not self.task.done()


class Histories(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.world = World()
        self.api = self.world.api
        self.snapshot = self.api.snapshot()

    @initialize(seed=st.integers(0, 1000))
    def draw(self, seed):
        self.world.luck.seed(seed)

    @rule(name=NAMES)
    def write(self, name):
        self.world.call(self.api.write(name))

    @rule(name=NAMES)
    def delete(self, name):
        self.world.call(self.api.delete(name))

    @rule(seconds=st.floats(0, 3600))
    def pass_time(self, seconds):
        self.world.loop.advance(seconds)

    @rule()
    def cut(self):
        self.world.call(self.api.cut())

    @rule(seconds=st.floats(0, 100))
    def hang(self, seconds):
        """Half-open: the peer is there and says nothing."""
        self.world.call(self.api.hang())
        self.world.loop.advance(seconds)

    @rule(seconds=st.floats(0, 100))
    def restart(self, seconds):
        self.api.is_refusing = True
        self.world.call(self.api.cut())
        self.world.loop.advance(seconds)
        self.api.heal()

    @rule(seconds=st.floats(0, 9))
    def be_slow(self, seconds):
        self.api.delay = seconds

    @rule(refusals=st.lists(REFUSALS, min_size=1, max_size=5))
    def refuse(self, refusals):
        self.api.faults += refusals

    @rule(seconds=st.floats(5, 90))
    def be_proxied(self, seconds):
        self.api.proxy_cuts = seconds

    @rule()
    def compact(self):
        self.api.compact()

    @rule()
    def take_snapshot(self):
        self.snapshot = self.api.snapshot()

    @rule(overtakes=st.booleans(), name=NAMES)
    def roll_back(self, overtakes, name):
        """Versions are lower than before, or have overtaken what was before."""
        before = self.api.version
        self.world.call(self.api.restore(self.snapshot))
        self.api.oldest = min(self.api.oldest, self.api.version)
        while overtakes and self.api.version <= before:
            self.world.call(self.api.write(name))

    @rule()
    def settle(self):
        self.world.settle()

    def teardown(self):
        try:
            self.world.settle()
        finally:
            self.world.finish()


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


@pytest.fixture
def world():
    made = World()
    made.call(made.api.write("a"))
    made.loop.advance(1)
    assert made.is_right()
    yield made
    made.finish()


def test_an_hour_of_silence_is_no_failure(world):
    lists = world.api.lists
    for _ in range(360):
        world.loop.advance(10)
        assert world.informer.dead_for == 0
        assert world.api.open == 1
    assert world.api.unwatched == 0  # each watch was opened again at once
    assert world.api.watches <= 3600 / 60 + 1
    assert world.api.lists - lists <= 1  # then the version was that of the list each time
    world.call(world.api.write("b"))
    world.loop.advance(0.1)
    assert world.is_right()


def test_a_silent_collection_among_busy_ones_is_listed_more_and_more_rarely(world):
    lists = world.api.lists
    for _ in range(360):
        world.api.version += 7
        world.loop.advance(10)
        assert world.informer.dead_for == 0
    assert 2 <= world.api.lists - lists <= 7  # 50, 100, 200, ... seconds apart


def test_a_busy_collection_is_listed_once(world):
    lists = world.api.lists
    for number in range(720):
        world.call(world.api.write(f"pod-{number % 7}"))
        world.loop.advance(5)
        assert world.is_right()
    assert (world.api.lists, world.api.checks) == (lists, 0)


@pytest.mark.parametrize("cut", [True, False])
def test_versions_that_went_back_are_noticed(world, cut):
    snapshot = world.api.snapshot()
    world.call(world.api.write("lost"))
    world.call(world.api.delete("a"))
    world.loop.advance(1)
    world.call(world.api.restore(snapshot, cut))
    world.loop.advance(RIGHT_WITHIN)
    assert world.is_right()
    assert set(world.seen) == {"a"}


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize("silence", [0, 7200])
@pytest.mark.parametrize("later", [1, 10])
def test_versions_that_were_overtaken_meanwhile_are_noticed(world, later, silence, cut):
    snapshot = world.api.snapshot()
    world.call(world.api.write("lost"))
    world.call(world.api.delete("a"))
    world.loop.advance(1)
    world.loop.advance(silence)
    known = world.api.version
    world.call(world.api.restore(snapshot, cut))
    while world.api.version < known + later:
        world.call(world.api.write("new"))
    world.api.log.clear()  # so that nothing but a list can tell
    world.loop.advance(RIGHT_WITHIN)
    assert world.is_right()
    assert set(world.seen) == {"a", "new"}


def test_an_event_from_another_history_is_not_believed(world):
    for _ in range(3):
        world.call(world.api.write("a"))
    world.loop.advance(1)
    world.api.version, world.api.log = 1, [(99, "MODIFIED", pod("a", 2))]
    world.api.objects = {"a": 2}
    world.call(world.api.cut())
    world.loop.advance(10)
    assert world.is_right()


def pod(name, version):
    return {"metadata": {"name": name, "namespace": "default", "uid": name, "resourceVersion": str(version)}}


def test_a_restarted_server_is_listed_once_by_each_client_and_not_at_once(world):
    lists = world.api.lists
    world.call(world.api.cut())
    world.loop.advance(15)
    assert (world.api.lists, world.api.open) == (lists, 1)
    world.loop.advance(100)
    assert world.api.lists == lists + 1


def test_keepalives_come_before_a_proxy_cuts_quiet_connections(world):
    world.api.proxy_cuts = 50.0
    world.loop.advance(600)
    lists, cuts = world.api.lists, world.api.unwatched
    world.loop.advance(3600)
    assert world.api.unwatched == cuts  # nothing is cut any more
    assert world.api.lists == lists


def test_a_servers_retry_after_is_honoured_within_limits(world):
    world.api.faults = [KubeError(429, "TooManyRequests", "slow down", retry_after=30)]
    world.call(world.api.cut())
    world.loop.advance(29)
    assert (world.api.open, world.informer.dead_for > 25) == (0, True)
    world.loop.advance(5)
    assert world.is_right()
    world.api.faults = [KubeError(429, "TooManyRequests", "never again", retry_after=86400)]
    world.call(world.api.cut())
    world.loop.advance(65)
    assert world.is_right()


def test_a_refused_watch_is_resumed_and_not_listed(world):
    lists = world.api.lists
    world.api.faults = [KubeError(503, "ServiceUnavailable", "starting")] * 3
    world.call(world.api.cut())
    world.loop.advance(5)
    assert (world.api.lists, world.is_right()) == (lists, True)


def test_a_server_that_ends_every_watch_is_asked_less_and_less_often(world):
    world.api.faults = [EXPIRED] * 100_000
    world.loop.advance(3600)
    assert world.api.lists + world.api.watches < 2000


def test_one_object_that_cannot_be_read_hides_no_other(world):
    odd = {"metadata": {"name": "odd", "namespace": "default", "resourceVersion": "3", "labels": "none"}}
    world.api.log.append((world.api.version + 1, "ADDED", odd))
    world.api.version += 1
    world.call(world.api.write("b"))
    world.loop.advance(1)
    assert set(world.seen) == {"a", "b"}


def test_a_list_with_an_object_that_cannot_be_read(world, monkeypatch):
    import msgspec

    async def get(path, query=None):
        items = [pod("a", 5), {"metadata": {"name": 7}}, pod("b", 6)]
        return msgspec.json.encode({"metadata": {"resourceVersion": "6"}, "items": items})

    monkeypatch.setattr(world.api, "get", get)
    world.api.compact()
    world.api.oldest = 6
    world.call(world.api.cut())
    world.loop.advance(10)
    assert world.seen == {"a": 5, "b": 6}


def test_a_busy_collection_with_an_overtaken_history_recovers(world):
    """It is never silent, so only the doubt about the watch that was cut can tell."""
    snapshot = world.api.snapshot()
    world.call(world.api.write("lost"))
    world.loop.advance(1)
    known = world.api.version
    world.call(world.api.restore(snapshot))
    while world.api.version <= known:
        world.call(world.api.write("new"))
    for _ in range(24):
        world.call(world.api.write("busy"))
        world.loop.advance(RIGHT_WITHIN / 24)
    assert world.is_right()
    assert set(world.seen) == {"a", "new", "busy"}


def test_lower_versions_are_noticed_where_other_collections_are_busy(world):
    """Lists to be sure are an hour apart by then."""
    for _ in range(720):
        world.api.version += 7
        world.loop.advance(10)
    snapshot = world.api.snapshot()
    world.call(world.api.write("lost"))
    world.loop.advance(1)
    world.call(world.api.restore(snapshot, cut=False))
    world.api.version -= 700
    world.loop.advance(RIGHT_WITHIN)
    assert set(world.seen) == {"a"}
