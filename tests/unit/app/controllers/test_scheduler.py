"""The scheduler against an API server with the real rules."""

import asyncio

import pytest

from tests.support.cluster_objects import make_node, make_pod
from tests.support.controller_runs import running, settled, until
from tests.support.fake_api import FakeApi

pytestmark = pytest.mark.anyio


def unbound(name, **fields):
    return make_pod(name, [], ready=False, phase="Pending", nodeName="", **fields)


def places(api):
    return {pod["metadata"]["name"]: pod["spec"].get("nodeName") for pod in api.all("pods")}


async def two_nodes():
    api = FakeApi()
    await api.put(make_node("a"), "nodes")
    await api.put(make_node("b"), "nodes")
    return api


async def test_pods_are_spread_although_the_watch_lags():
    api = await two_nodes()
    async with running(api, "scheduler"):
        for i in range(4):
            await api.put(unbound(f"p{i}"), "pods")
        await settled(api)
        await until(api, lambda: None not in places(api).values())
    assert places(api) == {"p0": "a", "p1": "b", "p2": "a", "p3": "b"}
    assert {e["reason"] for e in api.all("events")} == {"Scheduled"}


@pytest.mark.parametrize(
    "fields",
    [{"schedulerName": "mine"}, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, {"phase": "Failed"}],
)
async def test_pods_that_are_not_its_own_are_left_alone(fields):
    api = await two_nodes()
    pod = unbound("p", **fields) if "phase" not in fields else make_pod("p", [], nodeName="", **fields)
    await api.put(pod, "pods")
    async with running(api, "scheduler"):
        await settled(api)
    assert not api.writes


async def test_a_pod_is_bound_when_its_last_gate_is_open():
    api = await two_nodes()
    await api.put(unbound("p", schedulingGates=[{"name": "example.com/wait"}]), "pods")
    async with running(api, "scheduler"):
        await settled(api)
        assert not places(api)["p"]
        await api.put(unbound("p"), "pods")
        await until(api, lambda: places(api)["p"])


async def test_a_pod_that_fits_nowhere_says_so_once_and_is_bound_when_there_is_room():
    api = await two_nodes()
    await api.put(unbound("p", nodeSelector={"disk": "ssd"}), "pods")
    async with running(api, "scheduler"):
        await until(api, lambda: api.all("events"))
        await settled(api)
        (pod,) = api.all("pods")
        condition = next(c for c in pod["status"]["conditions"] if c["type"] == "PodScheduled")
        assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
        assert condition["message"] == "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
        assert [(e["reason"], e["type"]) for e in api.all("events")] == [("FailedScheduling", "Warning")]
        assert api.writes["patch", "status"] == 1
        await api.put(make_node("c", labels={"disk": "ssd"}), "nodes")
        await until(api, lambda: places(api) == {"p": "c"})


async def test_a_binding_whose_answer_is_lost_is_not_repeated_elsewhere():
    api = await two_nodes()
    await api.put(unbound("p"), "pods")
    api.lost_answers = 1
    async with running(api, "scheduler"):
        await until(api, lambda: places(api)["p"])
        await asyncio.sleep(0.02)  # past the first retry
        await settled(api)
    assert places(api) == {"p": "a"}


async def test_a_restart_knows_where_everything_is():
    api = await two_nodes()
    await api.put(make_pod("old", nodeName="a"), "pods")
    await api.put(unbound("new"), "pods")
    async with running(api, "scheduler"):
        await until(api, lambda: places(api)["new"])
    assert places(api) == {"new": "b", "old": "a"}
