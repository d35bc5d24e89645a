"""Waiting for the workloads of a lab."""

import asyncio

import pytest

from fairlead.app.lab.processes.readiness import WantedWorkload, until_ready
from fairlead.model.names import ObjectKey
from tests.support.cluster_objects import make_pod, meta
from tests.support.controller_runs import DEADLINE
from tests.support.fake_api import FakeApi

pytestmark = pytest.mark.anyio
WEB = ObjectKey("default", "web")


def deployment(ready):
    """One of two replicas, of which so many are ready by its status."""
    counts = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": ready, "availableReplicas": ready}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}}
    return {"metadata": meta("web"), "spec": spec, "status": counts}


async def wait_for(api, *wanted, then):
    """Which Pods were ready in the end, and what was told; each of ``then`` happens when something is told."""
    told, steps = [], iter(then)

    def report(lines, states):
        told.append(lines)
        tasks.append(asyncio.create_task(next(steps)))

    tasks = []
    async with asyncio.timeout(DEADLINE):
        return sorted(pod.name for pod in await until_ready(api, wanted, report)), told


async def test_progress_is_reported_until_nothing_is_awaited():
    api = FakeApi()
    await api.put(deployment(0), "deployments")
    for name in ("web-1", "web-2"):
        await api.put(make_pod(name), "pods")
    await api.put(make_pod("one", ready=False, labels={}), "pods")
    ready, told = await wait_for(
        api,
        WantedWorkload("Deployment", WEB),
        WantedWorkload("Pod", ObjectKey("default", "one")),
        then=[
            api.put(deployment(1), "deployments"),
            api.put(deployment(2), "deployments"),
            api.put(make_pod("one", labels={}), "pods"),
        ],
    )
    assert (ready, told) == (
        ["one", "web-1", "web-2"],
        [
            ["Deployment default/web (0 of 2 updated replicas are available)", "Pod default/one (it is not ready)"],
            ["Deployment default/web (1 of 2 updated replicas are available)", "Pod default/one (it is not ready)"],
            ["Pod default/one (it is not ready)"],
        ],
    )


async def test_a_status_from_the_labs_last_run_is_ignored():
    api = FakeApi()
    await api.put(deployment(2), "deployments")
    await api.put(make_pod("web-1"), "pods")
    await api.put(make_pod("web-2", ready=False), "pods")
    _, told = await wait_for(api, WantedWorkload("Deployment", WEB), then=[api.put(make_pod("web-2"), "pods")])
    assert told == [["Deployment default/web (1 pods are ready)"]]


async def test_deleted_services_are_not_awaited():
    assert await wait_for(FakeApi(), WantedWorkload("Deployment", WEB), then=[]) == ([], [])
