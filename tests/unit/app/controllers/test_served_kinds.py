"""Controllers of all kinds, while the server of some kinds is down."""

import msgspec
import pytest

from fairlead.app.controllers import served_kinds
from fairlead.drivers.kube.client import KubeError
from tests.support.cluster_objects import make_pod, make_service, meta
from tests.support.controller_runs import running, settled, until
from tests.support.fake_api import FakeApi, resource_list

pytestmark = pytest.mark.anyio

AGGREGATED = "/apis/metrics.k8s.io/v1beta1"
UNAVAILABLE = KubeError(503, "ServiceUnavailable", "the server is currently unable to handle the request")


class Aggregating(FakeApi):
    """With a group whose server is down, until it is not."""

    def __init__(self):
        super().__init__()
        self.is_down = True
        self.read = []

    async def get(self, path, query=None):
        self.read.append(path)
        if path == "/apis":
            versions = ["discovery.k8s.io/v1", AGGREGATED.removeprefix("/apis/")]
            groups = [{"preferredVersion": {"groupVersion": version}} for version in versions]
            return msgspec.json.encode({"groups": groups})
        if path.startswith(AGGREGATED):
            if self.is_down:
                raise UNAVAILABLE
            if path == AGGREGATED:
                return msgspec.json.encode(resource_list("jobs"))
        return await super().get(path, query)


def owned(name, owner):
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "owner", "uid": owner}
    return {"metadata": {**meta(name), "ownerReferences": [reference]}, "spec": {"containers": []}}


def terminating(name="default"):
    metadata = {**meta(name), "namespace": "", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": metadata, "spec": {"finalizers": ["kubernetes"]}}


async def test_other_controllers_read_nothing_of_it():
    api = Aggregating()
    await api.put(make_service(), "services")
    async with running(api, "endpointslice"):
        await until(api, lambda: api.all("endpointslices"))
    assert "/apis" not in api.read


async def test_garbage_of_other_kinds_is_collected(caplog):
    api = Aggregating()
    await api.put(owned("orphan", "gone"), "pods")
    async with running(api, "garbage-collector"):
        await until(api, lambda: not api.all("pods"))
    assert "metrics.k8s.io/v1beta1: 503 ServiceUnavailable" in caplog.text


async def test_a_namespace_is_emptied_and_waits_for_what_cannot_be_seen(monkeypatch):
    monkeypatch.setattr(served_kinds, "LOOK_AGAIN", 0.01)
    monkeypatch.setattr("fairlead.app.controllers.namespaces.LOOK_AGAIN", 0.01)
    api = Aggregating()
    await api.put(terminating(), "namespaces")
    await api.put(make_pod("a"), "pods")
    async with running(api, "namespace"):
        await until(api, lambda: not api.all("pods"))
        await until(api, lambda: api.all("namespaces")[0].get("status"))
        (condition,) = api.all("namespaces")[0]["status"]["conditions"]
        assert condition["type"] == "NamespaceDeletionDiscoveryFailure"
        assert condition["message"].startswith(
            "Discovery failed for some groups, 1 failing: metrics.k8s.io/v1beta1: 503"
        )
        assert api.all("namespaces")[0]["spec"]["finalizers"] == ["kubernetes"]
        api.is_down = False
        await until(api, lambda: api.all("namespaces")[0]["spec"]["finalizers"] == [])


async def test_a_kind_that_is_added_later_is_followed_from_then_on(monkeypatch):
    monkeypatch.setattr(served_kinds, "LOOK_AGAIN", 0.01)
    api = Aggregating()
    await api.put({**owned("orphan", "gone"), "kind": "Job"}, "jobs")
    async with running(api, "garbage-collector"):
        await settled(api)
        assert len(api.all("jobs")) == 1
        api.is_down = False
        await until(api, lambda: not api.all("jobs"))
