"""The addresses of a node's Pods, as the control plane gives them."""

import asyncio
import json

import pytest

from fairlead.app.node.standalone import ranges
from fairlead.drivers.kube.client import NODES
from tests.support.fake_api import FakeApi

pytestmark = pytest.mark.anyio
NODE = {"metadata": {"name": "n1"}}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(ranges, "LOOK_EVERY", 0.0)


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"podCIDR": "10.244.1.0/24"}, ("10.244.1.0/24",)),
        ({"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24", "fd00::/64"]}, ("10.244.1.0/24", "fd00::/64")),
    ],
)
async def test_a_node_that_has_ranges_has_them(spec, found):
    api = FakeApi()
    await api.put({**NODE, "spec": spec}, "nodes")
    assert await ranges.assigned_ranges(api, "n1", {}, (), lambda line: None) == found


async def test_a_node_without_ranges_is_not_ready_until_it_has_some():
    api, lines = FakeApi(), []
    waiting = asyncio.create_task(ranges.assigned_ranges(api, "n1", {"a": "b"}, (), lines.append))
    while not lines:  # noqa: ASYNC110 (it happens in a task that has no event)
        await asyncio.sleep(0)
    path = NODES.path(name="n1")
    node = json.loads(await api.get(path))
    assert node["metadata"]["labels"] == {"a": "b"}
    (ready,) = (each for each in node["status"]["conditions"] if each["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "KubeletNotReady")
    assert "--pod-cidr" in ready["message"]
    await api.patch(path, {"spec": {"podCIDR": "10.244.2.0/24"}})
    assert await waiting == ("10.244.2.0/24",)
    assert len(lines) == 1
