"""The informer's copy converges, whatever the watch does, and is never behind its owner's own writes."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from fairlead.drivers.kube.client import PODS, KubeError, Unreachable
from fairlead.drivers.kube.informer import Informer
from fairlead.model.decode import decode
from fairlead.model.objects import Pod
from tests.support.cluster_objects import make_pod
from tests.support.controller_runs import DEADLINE, settled
from tests.support.fake_api import FakeApi

pytestmark = pytest.mark.anyio


class Told(list):
    """(old name, new name) of each change that was told."""

    def __init__(self):
        super().__init__()
        self.more = asyncio.Event()

    def listen(self, old, new):
        self.append((old and old.name, new and new.name))
        self.more.set()


@asynccontextmanager
async def informed(api):
    """An informer of Pods that has listed once, and what it told its listener."""
    told = Told()
    informer = Informer(api, PODS, Pod, told.listen)
    task = asyncio.create_task(informer.run())
    try:
        await asyncio.wait_for(informer.synced.wait(), DEADLINE)
        yield informer, told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def seen(informer):
    return {key.name: int(pod.metadata.resource_version) for key, pod in informer.objects.items()}


async def written(api, name):
    """What the server answers to a create."""
    document = {"kind": "Pod", "metadata": {"name": name}, "spec": {"containers": []}}
    return decode(Pod, await api.create(PODS.path("default"), document))


async def test_an_informer_lists_and_then_gets_every_change():
    api = FakeApi()
    await api.put(make_pod("a"), "pods")
    async with informed(api) as (informer, told):
        await api.put(make_pod("b"), "pods")
        await api.put(make_pod("a", ready=False), "pods")
        await api.remove("pods", "b")
        await settled(api)
        assert seen(informer) == {"a": 3}
    assert told == [(None, "a"), (None, "b"), ("a", "a"), ("b", None)]


async def test_an_own_write_is_known_at_once_and_reported_once():
    api = FakeApi()
    async with informed(api) as (informer, told):
        api.held.add("pods")
        informer.learn(await written(api, "a"))
        assert seen(informer) == {"a": 1}
        await api.release("pods")
        await settled(api)
    assert told == [(None, "a")]


async def test_events_older_than_a_write_are_skipped():
    api = FakeApi()
    await api.put(make_pod("a"), "pods")
    async with informed(api) as (informer, told):
        api.held.add("pods")
        await api.put(make_pod("a", ready=False), "pods")
        answer = await api.patch(PODS.path("default", "a"), {"metadata": {"labels": {"k": "v"}}})
        informer.learn(decode(Pod, answer))
        await api.release("pods")
        await settled(api)
        assert seen(informer) == {"a": 3}
    assert told == [(None, "a"), ("a", "a")]


async def test_a_lagging_watch_does_not_restore_deleted_objects():
    api = FakeApi()
    await api.put(make_pod("a"), "pods")
    async with informed(api) as (informer, told):
        api.held.add("pods")
        await api.put(make_pod("a", ready=False), "pods")
        victim = next(iter(informer.objects.values()))
        await api.delete(PODS.path("default", "a"))
        informer.unlearn(victim)
        await api.put(make_pod("b"), "pods")
        await api.release("pods")
        await settled(api)
        assert seen(informer) == {"b": 4}
    assert told == [(None, "a"), ("a", None), (None, "b")]


async def test_an_answer_that_comes_after_the_end_of_its_object_does_not_bring_it_back():
    """As that to the write which takes the last finalizer away."""
    api = FakeApi()
    async with informed(api) as (informer, told):
        answer = await written(api, "a")
        await api.delete(PODS.path("default", "a"))
        await settled(api)
        informer.learn(answer)
        assert seen(informer) == {}
        api.held.add("pods")
        again = await written(api, "b")
        informer.learn(again)
        await api.delete(PODS.path("default", "b"))
        informer.unlearn(again)
        informer.learn(again)
        assert seen(informer) == {}
    assert told == [(None, "a"), ("a", None), (None, "b"), ("b", None)]


async def shown(informer, told, names):
    """Wait until the copy has exactly these Pods."""
    async with asyncio.timeout(DEADLINE):
        while sorted(seen(informer)) != names:
            told.more.clear()
            await told.more.wait()


class Unsteady(FakeApi):
    """A server whose watches end as they are told to."""

    def __init__(self, *endings):
        super().__init__()
        self.endings = list(endings)
        self.lists = 0

    async def get(self, path, query=None):
        self.lists += 1
        return await super().get(path, query)

    async def watch(self, path, query, opened=lambda: None):
        if self.endings:
            await self.put(make_pod(f"missed-{len(self.endings)}"), "pods")
            if len(self.endings) == 2:
                await self.remove("pods", "a")
            raise self.endings.pop()
        async for event in super().watch(path, query, opened):
            yield event


class Refusing(FakeApi):
    """A server that lists, and lets nobody watch until it is told to."""

    def __init__(self):
        super().__init__()
        self.lets_watch = asyncio.Event()

    async def watch(self, path, query, opened=lambda: None):
        if not self.lets_watch.is_set():
            raise Unreachable("connection refused")
        async for event in super().watch(path, query, opened):
            yield event


async def test_the_time_without_a_watch():
    api = Refusing()
    async with informed(api) as (informer, _), asyncio.timeout(DEADLINE):
        while informer.dead_for == 0:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)
        api.lets_watch.set()
        while informer.dead_for > 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("ending", "lists"),
    [
        pytest.param(KubeError(410, "Expired", "too old resource version"), 2, id="410: listed anew"),
        pytest.param(Unreachable("connection reset"), 1, id="broken off: resumed where it was"),
    ],
)
async def test_a_watch_that_ends_is_taken_up_again(ending, lists):
    api = Unsteady(ending)
    await api.put(make_pod("a"), "pods")
    async with informed(api) as (informer, told):
        await shown(informer, told, ["a", "missed-1"])
    assert (api.lists, told) == (lists, [(None, "a"), (None, "missed-1")])


async def test_an_object_deleted_without_a_watch_is_reported_as_deleted():
    expired = KubeError(410, "Expired", "too old resource version")
    api = Unsteady(expired, expired)
    await api.put(make_pod("a"), "pods")
    async with informed(api) as (informer, told):
        await shown(informer, told, ["missed-1", "missed-2"])
    assert ("a", None) in told
