"""What a container's hands report of what they were asked for."""

import asyncio

import pytest

from fairlead.app.node import container as module
from fairlead.app.node.container import ContainerRun
from fairlead.nodeagent.life import container_life as life
from fairlead.nodeagent.manifest import Container
from fairlead.nodeagent.status import ContainerRecord


@pytest.mark.parametrize("turns", range(4))
def test_a_start_that_is_given_up_is_answered_at_whatever_moment(monkeypatch, turns):
    async def never_started(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "start_running", never_started)

    async def scenario():
        events: asyncio.Queue[life.ContainerEvent] = asyncio.Queue()
        run = ContainerRun(None, ContainerRecord(Container(name="c")), None, events.put_nowait)
        run.perform(life.Start(1), object())
        for _ in range(turns):
            await asyncio.sleep(0)
        run.perform(life.GiveUp(1), object())
        assert await events.get() == life.NotStarted(1)
        assert events.empty()

    asyncio.run(scenario())
