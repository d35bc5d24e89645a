"""Ends the connections of a server that runs uvicorn's protocol: requests under way may finish, for a while."""

import asyncio
from contextlib import suppress

from uvicorn.server import ServerState


async def drain(state: ServerState, seconds: float) -> None:
    """Close what is idle, wait so many seconds for what is under way, and cut the rest."""
    for connection in list(state.connections):
        connection.shutdown()
    if state.tasks:
        await asyncio.wait(list(state.tasks), timeout=seconds)
    for task in list(state.tasks):
        task.cancel()
    for connection in list(state.connections):
        with suppress(AttributeError):
            connection.transport.abort()
