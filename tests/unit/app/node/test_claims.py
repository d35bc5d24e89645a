"""Folders of volumes that were made for claims: kept for as long as the volume is, and none but theirs removed."""

import asyncio

import pytest

from fairlead.app.node.claims import follow_volumes
from tests.support.controller_runs import settled
from tests.support.fake_api import FakeApi

pytestmark = [pytest.mark.anyio, pytest.mark.io]


@pytest.mark.parametrize(
    ("handle", "policy", "driver", "left"),
    [
        ("pvc-1", "Delete", "fairlead.dev/local", set()),
        ("pvc-1", "Retain", "fairlead.dev/local", {"pvc-1"}),
        ("pvc-2", "Delete", "fairlead.dev/local", {"pvc-1"}),
        ("pvc-1", "Delete", "another", {"pvc-1"}),
        ("../volumes/pvc-1", "Delete", "fairlead.dev/local", {"pvc-1"}),
        (".", "Delete", "fairlead.dev/local", {"pvc-1"}),
    ],
)
async def test_a_folder_goes_with_its_volume(tmp_path, handle, policy, driver, left):
    claimed = tmp_path / "volumes"
    (claimed / "pvc-1").mkdir(parents=True)
    (claimed / "pvc-1" / "file").write_text("data")
    spec = {"persistentVolumeReclaimPolicy": policy, "csi": {"driver": driver, "volumeHandle": handle}}
    api = FakeApi()
    await api.put({"metadata": {"name": "v", "uid": "u"}, "spec": spec}, "persistentvolumes")
    informer = follow_volumes(api, claimed)
    running = asyncio.create_task(informer.run())
    await informer.synced.wait()
    assert {path.name for path in claimed.iterdir()} == {"pvc-1"}
    await api.delete("/api/v1/persistentvolumes/v")
    while informer.objects:
        await settled(api)
    assert not running.done()
    assert {path.name for path in claimed.iterdir()} == left
    running.cancel()
