"""Running controllers in a test, and waiting for what they do."""

import asyncio
from contextlib import asynccontextmanager

from fairlead.app.controllers import serve
from fairlead.app.controllers.context import ControllerSettings

DEADLINE = 60  # seconds; only a test that fails gets there


@asynccontextmanager
async def running(api, *names, clock=None, **settings):
    """The controllers, with everything listed once; their queues go by ``clock``, else by real time."""
    ready = asyncio.Event()
    task = asyncio.create_task(serve(api, names, ready.set, ControllerSettings(**settings), clock))
    try:
        await asyncio.wait_for(ready.wait(), DEADLINE)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(api, condition):
    """Wait until the API holds what is wanted; looks again after every write."""
    async with asyncio.timeout(DEADLINE), api.news:
        await api.news.wait_for(condition)


async def settled(api):
    """Wait until nobody writes any more."""
    version = -1
    while version != api.version:
        version = api.version
        for _ in range(50):
            await asyncio.sleep(0)
