"""The processes of a control plane as components of a lab, and the connection from this machine to its API server."""

import asyncio
import functools
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from fairlead.app.lab.control_plane.flags import command_of
from fairlead.app.lab.control_plane.programs import PROGRAMS
from fairlead.app.lab.plan import LabPlan
from fairlead.drivers.lab.foreign_program import run_program
from fairlead.drivers.lab.relay import relay_tcp

RELAY = "api-relay"

Run = Callable[[Callable[[], None]], Coroutine[Any, Any, None]]


def control_plane_runs(plan: LabPlan, api_socket: socket.socket) -> dict[str, Run]:
    """The programs that run instead of our API server, by component name."""
    folder = Path(plan.settings.control_plane or "")
    programs: dict[str, Run] = {
        name: functools.partial(run_program, command_of(name, folder / name, plan)) for name in PROGRAMS
    }
    return {**programs, RELAY: functools.partial(_relay, api_socket, plan.api_address)}


async def _relay(listener: socket.socket, api: tuple[str, int], ready: Callable[[], None]) -> None:
    """Lead what connects to the lab's port on this machine to the API server inside."""
    close = await relay_tcp(listener, lambda: [api])
    ready()
    try:
        await asyncio.Event().wait()
    finally:
        close()
