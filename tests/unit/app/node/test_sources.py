"""Which ConfigMaps and Secrets a node follows: those that its Pods' volumes show, each once, and no others."""

import asyncio

import msgspec
import pytest

from fairlead.app.node.sources import SourceWatches
from fairlead.drivers.kube.troubles import Troubles
from fairlead.model.decode import decode
from fairlead.nodeagent.manifest import RunPod
from tests.support.api_world import pod

pytestmark = pytest.mark.anyio

EMPTY = msgspec.json.encode({"metadata": {"resourceVersion": "1"}, "items": []})


class Api:
    """Knows which watches are open."""

    troubles = Troubles("https://fake", "a test")

    def __init__(self):
        self.open = []

    async def get(self, path, query=None):
        return EMPTY

    async def watch(self, path, query, opened=lambda: None):
        watched = (path, query["fieldSelector"])
        self.open.append(watched)
        opened()
        try:
            await asyncio.Event().wait()
            yield
        finally:
            self.open.remove(watched)


def showing(name, *secrets, namespace="default"):
    document = pod(name, "n", namespace=namespace, uid=f"uid-{name}")
    document["spec"]["volumes"] = [{"name": each, "secret": {"secretName": each}} for each in secrets]
    document["spec"]["volumes"].append({"name": "ca", "configMap": {"name": "kube-root-ca.crt"}})
    return decode(RunPod, msgspec.json.encode(document))


def watch_of(name, namespace="default"):
    return f"/api/v1/namespaces/{namespace}/secrets", f"metadata.name={name}"


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_each_object_is_followed_for_as_long_as_a_pod_shows_it():
    api, told = Api(), []
    async with asyncio.TaskGroup() as group:
        watches = SourceWatches(api, group, lambda *what: told.append(what))
        first, second, third = showing("a", "s", "t"), showing("b", "s"), showing("c", "s", namespace="other")
        for each in (first, second, third, second):
            watches.follow(each)
        await settle()
        assert sorted(api.open) == sorted([watch_of("s"), watch_of("t"), watch_of("s", "other")])
        watches.leave(first)
        await settle()
        assert sorted(api.open) == sorted([watch_of("s"), watch_of("s", "other")])
        for each in (second, second, third):
            watches.leave(each)
        await settle()
        assert api.open == []
    assert told == []
