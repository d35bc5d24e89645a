"""The interface of every controller: a queue of keys, and a function that reconciles the objects of one key.

The step is level-triggered: it reads what is there and does what is missing, so that it may be repeated, interrupted or
lost at any point. A step that fails is repeated with back-off; one key's failures do not hold up another's.
"""

import asyncio
import logging
from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar

from fairlead.drivers.kube.client import KubeError, Unreachable
from fairlead.drivers.kube.troubles import Troubles
from fairlead.drivers.kube.work_queue import WorkQueue

K = TypeVar("K", bound=Hashable)

_NOT_ALLOWED = (401, 403)

log = logging.getLogger(__name__)


class Needed(Protocol):
    """Something that is read before it can be built upon."""

    async def synced(self) -> None:
        """Wait until it has been read."""


class Controller(Protocol[K]):
    """One controller: its name for the log, and how many keys it may work on at the same time."""

    name: str
    workers: int
    queue: WorkQueue[K]

    @property
    def needs(self) -> Sequence[Needed]:
        """The collections that must be complete before the first step."""

    async def reconcile(self, key: K) -> None:
        """One step for one key. Raises ``KubeError`` or ``Unreachable`` when it must be repeated."""


async def run_controller(controller: Controller[K], troubles: Troubles) -> None:
    """Serve the controller's queue until cancelled.

    Args:
        troubles: of the client; they get the requests that the controller is not allowed to make.
    """
    for needed in controller.needs:
        await needed.synced()
    async with asyncio.TaskGroup() as group:
        for _ in range(controller.workers):
            group.create_task(_work(controller, troubles))


async def _work(controller: Controller[K], troubles: Troubles) -> None:
    while True:
        key = await controller.queue.get()
        try:
            await controller.reconcile(key)
        except Exception as error:  # any error concerns only this key
            delay = controller.queue.failed(key)
            if isinstance(error, KubeError) and error.code in _NOT_ALLOWED:
                troubles.met(error, f"work on {key} as {controller.name}", controller.name)
            expected = isinstance(error, (KubeError, Unreachable))
            log.log(
                logging.INFO if expected else logging.ERROR,
                "%s: %s failed, next attempt in %.3f s: %s", controller.name, key, delay, error,
                exc_info=None if expected else error,
            )  # fmt: skip
        else:
            controller.queue.done(key)
