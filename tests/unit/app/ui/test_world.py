"""The cluster is read only while a page is open."""

import asyncio

import pytest

from fairlead.app.ui.options import UiOptions
from fairlead.app.ui.world import NotRead, World

pytestmark = pytest.mark.io
FILES = UiOptions(files=("docs/clusters/small.yaml",))


def test_nothing_is_read_before_the_first_request():
    async def run():
        world = World(FILES, linger=0)
        assert world.cluster is None
        assert not world.is_followed
        cluster = await world.now()
        assert len(cluster.snapshot.services) > 3
        await asyncio.sleep(0)

    asyncio.run(run())


def test_read_errors_are_reported_and_can_be_retried():
    async def run():
        world = World(UiOptions(files=("docs/no-such-file.yaml",)), linger=0)
        for _ in range(2):
            with pytest.raises(NotRead, match="No such file"):
                await world.now()

    asyncio.run(run())


def test_every_change_wakes_waiting_requests():
    async def run():
        world = World(FILES)
        waiting = [asyncio.ensure_future(world.newer(world.version)) for _ in range(3)]
        await asyncio.sleep(0)
        world.wake()
        assert await asyncio.gather(*waiting) == [1, 1, 1]
        assert await world.newer(0) == 1

    asyncio.run(run())
