"""A node's heartbeat."""

import pytest

from fairlead.app.node.heartbeat import Heartbeat, NodeFacts
from fairlead.drivers.kube.client import Unreachable
from tests.support.cluster_objects import make_node
from tests.support.fake_api import FakeApi
from tests.support.fake_clock import FakeClock

pytestmark = pytest.mark.anyio

PRESSED = ["EvictionThresholdMet", "NodeHasDiskPressure"]


class Beating:
    """One node that has registered."""

    def __init__(self):
        self.api, self.clock, self.registered = FakeApi(), FakeClock(), 0
        self.short, self.events = False, []
        facts = NodeFacts(is_short_of_disk=lambda: self.short, say=lambda _, event: self.events.append(event))
        self.heart = Heartbeat(self.api, make_node(), 10, self.register, self.clock.time, facts)

    async def register(self):
        self.registered += 1
        await self.api.put(make_node(), "nodes")
        return make_node()

    async def beat(self, times=1):
        """Let it beat; what it has written meanwhile."""
        self.api.writes.clear()
        for _ in range(times):
            self.clock.advance(10)
            await self.heart.beat()
        return dict(self.api.writes)

    def said(self, kind="Ready"):
        (node,) = self.api.all("nodes")
        return next(each for each in node["status"]["conditions"] if each["type"] == kind)

    async def say(self, word):
        node = {**self.api.all("nodes")[0], "status": {"conditions": [{"type": "Ready", "status": word}]}}
        await self.api.put(node, "nodes")


@pytest.fixture
async def beating():
    beating = Beating()
    await beating.api.put(make_node(), "nodes")
    await beating.beat()
    return beating


async def test_a_lease_belongs_to_its_node(beating):
    (lease,) = beating.api.all("leases")
    assert (lease["metadata"]["namespace"], lease["metadata"]["name"]) == ("kube-node-lease", "node-0")
    owner = {"apiVersion": "v1", "kind": "Node", "name": "node-0", "uid": "uid-node-0"}
    assert lease["metadata"]["ownerReferences"] == [owner]
    assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseDurationSeconds"]) == ("node-0", 40)


async def test_a_heartbeat_is_one_write_to_the_lease(beating):
    (before,) = beating.api.all("leases")
    assert await beating.beat(3) == {("patch", "leases"): 3}
    (after,) = beating.api.all("leases")
    assert before["spec"].pop("renewTime") < after["spec"].pop("renewTime")
    assert before["spec"] == after["spec"]


async def test_the_status_is_written_every_five_minutes(beating):
    assert await beating.beat(28) == {("patch", "leases"): 28}
    assert await beating.beat(30) == {("patch", "leases"): 30, ("patch", "status"): 1}


async def test_foreign_changes_of_a_node_are_reverted(beating):
    await beating.say("Unknown")
    assert await beating.beat() == {("patch", "leases"): 1, ("patch", "status"): 1}
    assert (beating.said()["status"], beating.said()["reason"]) == ("True", "KubeletReady")
    assert beating.said()["lastTransitionTime"] == beating.said()["lastHeartbeatTime"]


async def test_a_deleted_node_or_lease_is_recreated(beating):
    await beating.api.remove("nodes", "node-0", "")
    await beating.api.remove("leases", "node-0", "kube-node-lease")
    await beating.beat()
    assert (beating.registered, len(beating.api.all("leases"))) == (1, 1)


async def test_a_disk_that_fills_up_and_empties_is_reported_once_each_time(beating):
    for is_short, reasons in ((True, PRESSED), (False, ["NodeHasNoDiskPressure"])):
        beating.short = is_short
        assert await beating.beat(5) == {("patch", "leases"): 5, ("patch", "status"): 1}
        assert beating.said("DiskPressure")["status"] == str(is_short)
        assert [event.reason for event in beating.events] == reasons
        beating.events.clear()


async def test_a_full_disk_that_could_not_be_reported_is_reported_later(beating):
    beating.short = True
    beating.api.lost_answers = 2  # of the Lease, and of the status
    for _ in range(2):
        with pytest.raises(Unreachable):
            await beating.beat()
        assert beating.events == []
    await beating.beat()
    assert [event.reason for event in beating.events] == PRESSED
