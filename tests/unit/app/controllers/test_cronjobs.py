"""CronJobs create Jobs, and recognise them as their own."""

import pytest

from fairlead.drivers.clock_text import now_text
from tests.support.cluster_objects import meta
from tests.support.controller_runs import running, settled, until
from tests.support.fake_api import FakeApi

pytestmark = pytest.mark.anyio

SPEC = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}}


async def test_a_job_is_made_for_a_time_that_has_come():
    api = FakeApi()
    old = {**meta("c"), "creationTimestamp": "2026-01-01T00:00:00Z"}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": SPEC}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": template, "concurrencyPolicy": "Allow"}
    status = {"lastScheduleTime": "2020-01-01T00:00:00Z"}
    document = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": old, "spec": spec, "status": status}
    await api.put(document, "cronjobs")
    async with running(api, "cronjob"):
        await until(api, lambda: api.all("jobs"))
        await settled(api)
    [job] = api.all("jobs")
    assert job["metadata"]["labels"] == {"a": "b"}
    assert job["metadata"]["ownerReferences"][0]["uid"] == "uid-c"
    assert job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"] < now_text()
    [stored] = api.all("cronjobs")
    assert stored["status"]["lastScheduleTime"] > "2026"
    assert [reference["name"] for reference in stored["status"]["active"]] == [job["metadata"]["name"]]
