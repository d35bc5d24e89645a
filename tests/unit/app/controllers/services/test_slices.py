"""The EndpointSlice controller against an API server with the real rules: it converges, whatever goes wrong."""

import asyncio

import pytest
from msgspec import structs

from tests.support.cluster_objects import make_node, make_pod, make_service
from tests.support.controller_runs import running, settled, until
from tests.support.fake_api import FakeApi, conflict

pytestmark = pytest.mark.anyio


async def cluster(*pods, service=None):
    api = FakeApi()
    await api.put(make_node(zone="z1"), "nodes")
    await api.put(service or make_service(), "services")
    for pod in pods:
        await api.put(pod, "pods")
    return api


def ready_pods(api):
    """The Pods that are ready in some slice, one entry for each time they are listed."""
    slices = api.all("endpointslices")
    return sorted(e["targetRef"]["name"] for s in slices for e in s["endpoints"] if e["conditions"]["ready"])


def slice_writes(api):
    return sum(count for (_, plural), count in api.writes.items() if plural == "endpointslices")


async def test_pods_come_turn_unready_come_back_and_go():
    api = await cluster(make_pod("a", "10.244.0.1"))
    async with running(api, "endpointslice"):
        await until(api, lambda: ready_pods(api) == ["a"])
        await api.put(make_pod("b", "10.244.0.2"), "pods")
        await until(api, lambda: ready_pods(api) == ["a", "b"])
        await api.put(make_pod("a", "10.244.0.1", ready=False), "pods")
        await until(api, lambda: ready_pods(api) == ["b"])
        await api.put(make_pod("a", "10.244.0.1"), "pods")
        await until(api, lambda: ready_pods(api) == ["a", "b"])
        await api.remove("pods", "a")
        await until(api, lambda: ready_pods(api) == ["b"])
        await settled(api)
    assert api.writes == {("create", "endpointslices"): 1, ("replace", "endpointslices"): 4}


async def test_a_restart_writes_nothing_when_nothing_changed():
    api = await cluster(make_pod("a"))
    async with running(api, "endpointslice"):
        await until(api, lambda: ready_pods(api) == ["a"])
    before = slice_writes(api)
    async with running(api, "endpointslice"):
        await settled(api)
    assert slice_writes(api) == before


async def test_changes_while_the_controller_was_dead_are_made_up_for():
    api = await cluster(make_pod("a", "10.244.0.1"))
    async with running(api, "endpointslice"):
        await until(api, lambda: ready_pods(api) == ["a"])
    await api.remove("pods", "a")
    await api.put(make_pod("b", "10.244.0.2"), "pods")
    async with running(api, "endpointslice"):
        await until(api, lambda: ready_pods(api) == ["b"])


async def test_a_watch_that_lags_does_not_make_it_create_twice():
    api = await cluster()
    async with running(api, "endpointslice"):
        await until(api, lambda: len(api.all("endpointslices")) == 1)
        await settled(api)
        api.held.add("endpointslices")
        await api.put(make_service("late"), "services")
        await until(api, lambda: len(api.all("endpointslices")) == 2)
        await api.put(make_pod("a"), "pods")
        await until(api, lambda: ready_pods(api) == ["a", "a"])
        await api.release("endpointslices")
        await settled(api)
    assert api.writes == {("create", "endpointslices"): 2, ("replace", "endpointslices"): 2}


async def test_a_lost_answer_is_made_good():
    api = await cluster(make_pod("a"))
    api.lost_answers = 1
    async with running(api, "endpointslice"):
        await until(api, lambda: api.writes["create", "endpointslices"] == 1)
        await asyncio.sleep(0.02)  # past the first retry
        await settled(api)
        assert ready_pods(api) == ["a"]


async def test_a_slice_that_a_user_changes_or_deletes_is_repaired():
    api = await cluster(make_pod("a"))
    async with running(api, "endpointslice"):
        await until(api, lambda: ready_pods(api) == ["a"])
        (spoiled,) = api.all("endpointslices")
        await api.put(spoiled | {"endpoints": []}, "endpointslices")
        await until(api, lambda: ready_pods(api) == ["a"])
        await api.remove("endpointslices", spoiled["metadata"]["name"])
        await until(api, lambda: ready_pods(api) == ["a"])


async def test_pods_wait_for_their_node():
    api = await cluster(make_pod("a", nodeName="late"))
    async with running(api, "endpointslice"):
        await until(api, lambda: len(api.all("endpointslices")) == 1)
        assert ready_pods(api) == []
        await api.put(make_node("late", zone="z9"), "nodes")
        await until(api, lambda: ready_pods(api) == ["a"])
    (slice_,) = api.all("endpointslices")
    assert slice_["endpoints"][0]["zone"] == "z9"


async def test_a_changed_selector_changes_the_members():
    api = await cluster(make_pod("a", "10.244.0.1"), make_pod("b", "10.244.0.2", labels={"app": "db"}))
    async with running(api, "endpointslice"):
        await until(api, lambda: ready_pods(api) == ["a"])
        await api.put(make_service(selector={"app": "db"}), "services")
        await until(api, lambda: ready_pods(api) == ["b"])


async def test_a_change_costs_one_write_however_many_other_services_there_are():
    api = await cluster(make_pod("a"))
    for i in range(50):
        await api.put(make_service(f"other-{i}", selector={"app": f"other-{i}"}), "services")
    async with running(api, "endpointslice"):
        await until(api, lambda: len(api.all("endpointslices")) == 51)
        await settled(api)
        before = slice_writes(api)
        await api.put(make_pod("a", ready=False), "pods")
        await until(api, lambda: ready_pods(api) == [])
        await settled(api)
        assert slice_writes(api) == before + 1


async def test_heartbeats_and_other_changes_that_mean_nothing_to_slices_cost_nothing():
    api = await cluster(make_pod("a"))
    async with running(api, "endpointslice"):
        await until(api, lambda: ready_pods(api) == ["a"])
        await settled(api)
        before = api.version
        node = make_node(zone="z1")
        await api.put(structs.replace(node, status=structs.replace(node.status, allocatable={"cpu": "3"})), "nodes")
        await api.put(make_pod("a", metadata={"annotations": {"x": "y"}}), "pods")
        await settled(api)
        assert api.version == before + 2


async def test_a_refused_write_is_reported_on_the_service_and_retried():
    class Refusing(FakeApi):
        refusals = 1

        async def create(self, path, document, query=None):
            if "endpointslices" in path and self.refusals:
                self.refusals -= 1
                error = conflict()
                error.code = 422
                raise error
            return await super().create(path, document, query)

    api = Refusing()
    await api.put(make_service(), "services")
    async with running(api, "endpointslice"):
        await until(api, lambda: len(api.all("endpointslices")) == 1)
    (event,) = api.all("events")
    assert (event["reason"], event["type"]) == ("FailedToUpdateEndpointSlices", "Warning")
    assert event["involvedObject"]["name"] == "web"


@pytest.mark.parametrize("count", [250])
async def test_many_pods_fill_slices_of_a_hundred(count):
    api = await cluster(*(make_pod(f"p{i:03}", f"10.244.{i // 200}.{i % 200 + 1}") for i in range(count)))
    async with running(api, "endpointslice"):
        await until(api, lambda: len(ready_pods(api)) == count)
    assert [len(s["endpoints"]) for s in api.all("endpointslices")] == [100, 100, 50]


async def test_twin_slices_become_one_when_a_controller_starts():
    api = await cluster(make_pod("a", "10.244.0.1"), make_pod("b", "10.244.0.2"))
    async with running(api, "endpointslice"):
        await until(api, lambda: ready_pods(api) == ["a", "b"])
    (slice_,) = api.all("endpointslices")
    a, b = slice_["endpoints"]
    await api.put({**slice_, "endpoints": [a]}, "endpointslices")
    twin = {**slice_["metadata"], "name": "web-twin"}
    await api.put({**slice_, "metadata": twin, "endpoints": [b]}, "endpointslices")
    async with running(api, "endpointslice"):
        await until(api, lambda: len(api.all("endpointslices")) == 1)
        await settled(api)
    assert ready_pods(api) == ["a", "b"]


async def test_the_controller_reads_only_the_kinds_that_slices_depend_on():
    api = await cluster(make_pod("a"))
    read = []
    get = api.get

    async def noting(path, query=None):
        read.append(path)
        return await get(path, query)

    api.get = noting
    async with running(api, "endpointslice"):
        await until(api, lambda: ready_pods(api) == ["a"])
    assert sorted(set(read)) == [
        "/api/v1/nodes", "/api/v1/pods", "/api/v1/services", "/apis/discovery.k8s.io/v1/endpointslices"
    ]  # fmt: skip
