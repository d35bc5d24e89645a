"""The Job controller against an API: what it makes, says and remembers while Pods come, end and go."""

import pytest

from tests.support.cluster_objects import meta
from tests.support.controller_runs import running, settled, until
from tests.support.fake_api import FakeApi

pytestmark = pytest.mark.anyio

UID = {"batch.kubernetes.io/controller-uid": "uid-j"}


async def api_with_job(**spec):
    template = {
        "metadata": {"labels": UID},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]},
    }
    spec = {"selector": {"matchLabels": UID}, "template": template, "completions": 1, "parallelism": 1, **spec}
    document = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta("j"), "spec": spec, "status": {}}
    api = FakeApi()
    await api.put(document, "jobs")
    return api


def job(api):
    [found] = api.all("jobs")
    return found


def status(api):
    return job(api).get("status") or {}


def conditions(api):
    return [each["type"] for each in status(api).get("conditions") or () if each["status"] == "True"]


def told(api):
    return [event["reason"] for event in api.all("events")]


async def change(api, pod, **status):
    path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}"
    await api.patch(path, {"status": status})


async def one_more_ends(api, phase):
    """Let the Pod that is there end, and then be deleted."""
    await until(api, lambda: any((p.get("status") or {}).get("phase") in (None, "Pending") for p in api.all("pods")))
    await settled(api)
    [pod] = [p for p in api.all("pods") if (p.get("status") or {}).get("phase") in (None, "Pending")]
    await change(api, pod, phase=phase)
    await settled(api)
    await api.remove("pods", pod["metadata"]["name"])
    await settled(api)


async def test_pods_that_are_gone_are_remembered():
    api = await api_with_job(completions=3)
    async with running(api, "job"):
        for done in (1, 2, 3):
            await one_more_ends(api, "Succeeded")
            assert status(api)["succeeded"] == done
        await until(api, lambda: "Complete" in conditions(api))
        await settled(api)
    assert conditions(api) == ["SuccessCriteriaMet", "Complete"]
    assert told(api).count("SuccessfulCreate") == 3
    assert told(api).count("Completed") == 1
    assert not api.all("pods")


async def test_a_controller_that_begins_knows_of_pods_that_are_gone():
    api = await api_with_job(completions=3)
    async with running(api, "job"):
        await one_more_ends(api, "Succeeded")
        await one_more_ends(api, "Succeeded")
    async with running(api, "job"):
        await one_more_ends(api, "Succeeded")
        await until(api, lambda: "Complete" in conditions(api))
    assert status(api)["succeeded"] == 3


async def test_failures_that_are_gone_end_the_job():
    api = await api_with_job(backoffLimit=0)
    async with running(api, "job"):
        await one_more_ends(api, "Failed")
        await until(api, lambda: "Failed" in conditions(api))
        await settled(api)
    assert conditions(api) == ["FailureTarget", "Failed"]
    assert (status(api)["failed"], told(api).count("BackoffLimitExceeded")) == (1, 1)


async def test_a_job_that_is_suspended_says_so_and_goes_on():
    api = await api_with_job()
    path = "/apis/batch/v1/namespaces/default/jobs/j"
    async with running(api, "job"):
        await until(api, lambda: api.all("pods"))
        await api.patch(path, {"spec": {"suspend": True}})
        await until(api, lambda: "Suspended" in conditions(api) and not api.all("pods"))
        await api.patch(path, {"spec": {"suspend": False}})
        await until(api, lambda: not conditions(api) and api.all("pods"))
        await settled(api)
    assert {"Suspended", "Resumed"} <= set(told(api))


async def test_how_a_pod_ends_that_the_job_lets_go_does_not_count():
    """It may well end by itself, and with success, when it is told to."""
    api = await api_with_job(completions=2, parallelism=2)
    async with running(api, "job"):
        await until(api, lambda: len(api.all("pods")) == 2)
        await settled(api)
        for pod in api.all("pods"):  # held back by a finalizer, as by the processes of a real one
            await api.put({**pod, "metadata": {**pod["metadata"], "finalizers": ["example.com/held"]}}, "pods")
        await api.patch("/apis/batch/v1/namespaces/default/jobs/j", {"spec": {"suspend": True}})
        await until(api, lambda: sum("deletionTimestamp" in pod["metadata"] for pod in api.all("pods")) == 2)
        for pod in api.all("pods"):
            await change(api, pod, phase="Succeeded")
        await settled(api)
        assert (status(api)["succeeded"], conditions(api)) == (0, ["Suspended"])
        for pod in api.all("pods"):
            await api.remove("pods", pod["metadata"]["name"])
        await settled(api)
    assert (status(api)["succeeded"], conditions(api)) == (0, ["Suspended"])
