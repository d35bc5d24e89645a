"""Reports of a container's shell about its actions."""

import asyncio

import pytest

from fairlead.app.node import container as module
from fairlead.app.node.container import ContainerRun
from fairlead.nodeagent.life import container_events as events
from fairlead.nodeagent.manifest import Container
from fairlead.nodeagent.records import ContainerRecord


@pytest.mark.parametrize("turns", range(4))
def test_an_abandoned_start_is_answered_at_any_time(monkeypatch, turns):
    async def never_started(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "start_running", never_started)

    async def scenario():
        posted: asyncio.Queue[events.ContainerEvent] = asyncio.Queue()
        run = ContainerRun(None, ContainerRecord(Container(name="c")), None, posted.put_nowait)
        run.perform(events.Start(1), object())
        for _ in range(turns):
            await asyncio.sleep(0)
        run.perform(events.CancelStart(1), object())
        assert await posted.get() == events.NotStarted(1)
        assert posted.empty()

    asyncio.run(scenario())
