"""Ends containers that exceed their memory limit, and Pods whose emptyDir volumes exceed their size limit.

Without control groups, nothing stops them at once. Their usage is checked every few seconds if any of them has a limit.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from fairlead.app.node.container import ContainerRun
from fairlead.app.node.pod import PodRun
from fairlead.drivers.linux.process_tree import below, kill_all, usage_of
from fairlead.drivers.pods.volume_files import size_of_folder
from fairlead.nodeagent.limits import memory_limits, size_limits, too_large

PERIOD = 5.0  # seconds between looks; kubelet looks at volumes every ten


class _Limited(NamedTuple):
    """A running container, its first process, and its memory limit in octets."""

    container: ContainerRun
    pid: int
    limit: int


class LimitKeeper:
    """Checks the Pods of a node until cancelled.

    Args:
        pods: the running Pods.
    """

    def __init__(self, pods: Callable[[], Iterable[PodRun]]) -> None:
        self._pods = pods

    async def run(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            await self._look_at_memory([each for run in self._pods() for each in _limited(run)])
            for run in list(self._pods()):
                if not run.is_finished and (limits := size_limits(run.pod)):
                    await self._look_at_volumes(run, limits)

    async def _look_at_memory(self, limited: list[_Limited]) -> None:
        if not limited:
            return
        found = await asyncio.to_thread(_too_much, {each.pid: each.limit for each in limited})
        for each in limited:
            if each.pid in found and each.container.running and each.container.running.process.pid == each.pid:
                each.container.is_out_of_memory = True
                kill_all(found[each.pid])

    async def _look_at_volumes(self, run: PodRun, limits: Mapping[str, int]) -> None:
        folder = run.volumes_folder
        sizes = await asyncio.to_thread(lambda: {name: size_of_folder(folder / name) for name in limits})
        if failure := too_large(run.pod, sizes):
            run.fail(failure)


def _limited(run: PodRun) -> list[_Limited]:
    limits = memory_limits(run.pod)
    containers = ((run.containers[name], limit) for name, limit in limits.items() if name in run.containers)
    return [_Limited(each, each.running.process.pid, limit) for each, limit in containers if each.running]


def _too_much(limits: Mapping[int, int]) -> dict[int, list[int]]:
    """Of the processes with limits, those that use more together with those below them, and which these are."""
    trees = below(limits)
    return {root: tree for root, tree in trees.items() if usage_of(tree).kibibytes * 1024 > limits[root]}
