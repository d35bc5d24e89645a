"""Several replicas, one Lease: at most one is active, and after any kill or partition one is active again in time."""

import asyncio

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given, settings

from fairlead.drivers.kube.client import Unreachable
from fairlead.drivers.kube.leader import Candidacy, Elector
from fairlead.drivers.kube.watch_pages import pages_of
from tests.support.fake_api import FakeApi
from tests.support.virtual_time import VirtualLoop

NAMES = ("a", "b", "c")
LONGEST_GAP = 15 + 2 * 2 * 1.2  # seconds: the Lease's duration, and until the next candidate looks twice


class Cut:
    """The way of one replica to the common server, which can be cut."""

    troubles = FakeApi.troubles

    def __init__(self, common):
        self.common, self.is_cut = common, False

    async def _reach(self):
        if self.is_cut:
            await asyncio.sleep(1)
            raise Unreachable("cut off")

    async def get(self, path, query=None):
        await self._reach()
        return await self.common.get(path, query)

    async def create(self, path, document, query=None):
        await self._reach()
        return await self.common.create(path, document, query)

    async def replace(self, path, document, query=None):
        await self._reach()
        return await self.common.replace(path, document, query)


class Replica:
    def __init__(self, world, name, dead=frozenset):
        self.world, self.name = world, name
        self.client = Cut(world.api)
        self.told = []
        candidacy = Candidacy("kube-system", "controllers", name, is_dead=lambda other: other in dead())
        self.elector = Elector(self.client, candidacy, self.told.append)
        self.task = world.loop.create_task(self.elector.lead(self.work))

    async def work(self):
        self.world.begin(self.name)
        try:
            await asyncio.Event().wait()
        finally:
            self.world.end(self.name)

    def stop(self):
        """End in order."""
        self.task.cancel()
        self.world.loop.run_until_complete(asyncio.wait([self.task]))

    def kill(self):
        """End without a word: nothing that it still sends arrives."""
        self.client.is_cut = True
        self.stop()


class World:
    def __init__(self):
        self.loop = VirtualLoop()
        self.api = self.loop.run_until_complete(self._make())
        self.working, self.idle_since, self.longest_gap = set(), self.loop.time(), 0.0

    async def _make(self):
        return FakeApi()

    def begin(self, name):
        assert not self.working, f"{name} begins while {self.working} works"
        self.working.add(name)
        self.longest_gap = max(self.longest_gap, self.loop.time() - self.idle_since)

    def end(self, name):
        self.working.discard(name)
        self.idle_since = self.loop.time()

    def lease(self):
        return self.api.all("leases")[0]["spec"]


@pytest.fixture
def world():
    made = World()
    yield made
    made.loop.finish()


def test_one_works_and_the_others_know_who(world):
    first = Replica(world, "a")
    world.loop.advance(1)
    second = Replica(world, "b")
    world.loop.advance(60)
    assert (world.working, second.told) == ({"a"}, ["a"])
    assert (first.elector.is_leading, second.elector.is_leading) == (True, False)
    assert (world.lease()["holderIdentity"], world.lease()["leaseTransitions"]) == ("a", 0)


def test_the_next_begins_soon_after_an_end_in_order(world):
    first = Replica(world, "a")
    world.loop.advance(1)
    Replica(world, "b")
    world.loop.advance(5)
    first.stop()
    assert "holderIdentity" not in world.lease()
    world.loop.advance(2 * 1.2)
    assert (world.working, world.lease()["leaseTransitions"]) == ({"b"}, 1)


def test_a_killed_one_is_waited_for(world):
    first = Replica(world, "a")
    world.loop.advance(1)
    Replica(world, "b")
    world.loop.advance(10)
    first.kill()
    world.loop.advance(10)
    assert not world.working
    world.loop.advance(LONGEST_GAP - 10)
    assert world.working == {"b"}


def test_a_dead_leader_is_replaced_at_once(world):
    first = Replica(world, "a")
    world.loop.advance(1)
    first.kill()
    Replica(world, "b", dead=lambda: {"a"})
    world.loop.advance(0.1)
    assert world.working == {"b"}


def test_a_partitioned_leader_stops_before_another_begins_and_returns(world):
    first = Replica(world, "a")
    world.loop.advance(5)
    first.client.is_cut = True
    world.loop.advance(9)
    assert world.working == {"a"}
    world.loop.advance(3)
    assert not world.working
    first.client.is_cut = False
    world.loop.advance(5)
    assert world.working == {"a"}


def test_the_work_ends_when_another_takes_the_lease_by_force(world):
    Replica(world, "a")
    world.loop.advance(5)
    (document,) = world.api.all("leases")
    document["spec"]["holderIdentity"] = "somebody"
    world.loop.run_until_complete(world.api.put(document, "leases"))
    world.loop.advance(3)
    assert not world.working


def test_foreign_fields_of_the_lease_stay(world):
    Replica(world, "a")
    world.loop.advance(1)
    (document,) = world.api.all("leases")
    document["spec"]["strategy"] = "OldestEmulationVersion"
    document["metadata"]["labels"] = {"team": "x"}
    world.loop.run_until_complete(world.api.put(document, "leases"))
    world.loop.advance(30)
    (after,) = world.api.all("leases")
    assert (after["spec"]["strategy"], after["metadata"]["labels"]) == ("OldestEmulationVersion", {"team": "x"})
    assert world.working == {"a"}


def test_work_that_fails_ends_the_process_and_gives_the_lease_back(world):
    elector = Elector(world.api, Candidacy("kube-system", "controllers", "a"), lambda _: None)

    async def broken():
        raise RuntimeError("of the work")

    with pytest.raises(RuntimeError, match="of the work"):
        world.loop.run_until_complete(elector.lead(broken))
    assert "holderIdentity" not in world.lease()


def test_a_metric_says_who_is_leading(world):
    first = Replica(world, "a")
    world.loop.advance(1)
    second = Replica(world, "b")
    world.loop.advance(3)

    def shown(replica):
        return pages_of(list, lambda: True, [replica.elector])["/metrics"]().body

    assert 'leader_election_master_status{name="controllers"} 1.0' in shown(first)
    assert 'leader_election_master_status{name="controllers"} 0.0' in shown(second)


def test_a_new_leader_is_reported_by_an_event(world):
    Replica(world, "a")
    world.loop.advance(3)
    (event,) = world.api.all("events")
    assert (event["reason"], event["message"], event["involvedObject"]["kind"]) == (
        "LeaderElection", "a became leader", "Lease"
    )  # fmt: skip


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["start", "stop", "kill", "cut", "heal", "lose answers"]),
        st.sampled_from(NAMES),
        st.floats(0.1, 40),
    ),
    max_size=15,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_after_any_events_there_is_one_leader_at_most_and_one_in_the_end(steps):
    world, replicas = World(), {}
    try:
        for what, name, seconds in steps:
            replica = replicas.get(name)
            if what == "start" and replica is None:
                replicas[name] = Replica(world, name)
            elif what in ("stop", "kill") and replica:
                (replica.stop if what == "stop" else replica.kill)()
                del replicas[name]
            elif what in ("cut", "heal") and replica:
                replica.client.is_cut = what == "cut"
            elif what == "lose answers":
                world.api.lost_answers = 2
            world.loop.advance(seconds)
        for replica in replicas.values():
            replica.client.is_cut = False
        replicas.setdefault("a", replicas.get("a") or Replica(world, "a"))
        world.loop.advance(LONGEST_GAP + 5)
        assert len(world.working) == 1
        assert msgspec.json.encode(world.lease())
    finally:
        world.loop.finish()
