"""The controllers process: everything that turns wanted state into state, by the API alone.

Each controller is a queue of keys and one level-triggered step (``loop``); all share one connection pool and one copy
of each collection. The process may be killed at any point and started again anywhere; it must run once at a time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fairlead.app.controllers.context import Context
from fairlead.app.controllers.loop import Controller, run_controller
from fairlead.app.controllers.scheduler import Scheduler
from fairlead.app.controllers.slices import SliceController
from fairlead.app.controllers.watches import Watches
from fairlead.drivers.kube_client import KubeClient

CONTROLLERS: dict[str, Callable[[Context], Controller]] = {
    "endpointslice": SliceController,
    "scheduler": Scheduler,
}


@dataclass(frozen=True)
class ControllersOptions:
    """How to run the controllers.

    Attributes:
        kubeconfig: None looks where kubectl looks.
        context: of the kubeconfig; None is the current one.
        only: names of ``CONTROLLERS`` to run, for instance beside a real control plane that has the others.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    only: tuple[str, ...] = tuple(CONTROLLERS)


async def run(options: ControllersOptions, ready: Callable[[], None]) -> None:
    """Serve until cancelled; ``ready`` is called when every collection has been read once."""
    async with KubeClient.from_kubeconfig(options.kubeconfig, options.context) as client:
        await serve(client, options.only, ready)


async def serve(client: KubeClient, names: tuple[str, ...], ready: Callable[[], None]) -> None:
    """Run the named controllers on a connection until cancelled."""
    context = Context(client, Watches(client), asyncio.get_running_loop())
    controllers = [CONTROLLERS[name](context) for name in names]
    async with asyncio.TaskGroup() as group:
        for watched in context.watches.all():
            group.create_task(watched.run())
        for controller in controllers:
            group.create_task(run_controller(controller))
        for watched in context.watches.all():
            await watched.synced()
        ready()
