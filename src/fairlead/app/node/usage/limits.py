"""Ends containers that exceed their memory limit, and Pods that store more than they may.

Without control groups and quotas, nothing stops them at once. Their usage is checked every few seconds if any of them
has a limit.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from fairlead.app.node.container import ContainerRun
from fairlead.app.node.pod import PodRun
from fairlead.drivers.linux.process_tree import below, kill_all, usage_of
from fairlead.drivers.linux.usage import own_octets
from fairlead.drivers.pods.machine_secrets import EMPTY_FOLDERS
from fairlead.drivers.pods.output import size_of_log
from fairlead.drivers.pods.volume_files import size_of_folder
from fairlead.nodeagent.limits import StorageUse, counted_volumes, limits_containers, memory_limits, over_limit

PERIOD = 5.0  # seconds between looks; kubelet looks at volumes every ten
REST = 9  # times as long as a look has taken, at least: folders may have millions of files


class _Limited(NamedTuple):
    """A running container, its first process, and its memory limit in octets."""

    container: ContainerRun
    pid: int
    limit: int


class _Storing(NamedTuple):
    """A running container: its first process, whether it runs an image, and its logs."""

    name: str
    pid: int
    of_image: bool
    logs: tuple[Path, ...]


class LimitKeeper:
    """Checks the Pods of a node until cancelled.

    Args:
        pods: the running Pods.
    """

    def __init__(self, pods: Callable[[], Iterable[PodRun]]) -> None:
        self._pods = pods

    async def run(self) -> None:
        loop, rest = asyncio.get_running_loop(), PERIOD
        while True:
            await asyncio.sleep(rest)
            began = loop.time()
            await self._look_at_memory([each for run in self._pods() for each in _limited(run)])
            for run in list(self._pods()):
                await self._look_at_storage(run)
            rest = max(PERIOD, REST * (loop.time() - began))

    async def _look_at_memory(self, limited: list[_Limited]) -> None:
        if not limited:
            return
        found = await asyncio.to_thread(_too_much, {each.pid: each.limit for each in limited})
        for each in limited:
            if each.pid in found and each.container.running and each.container.running.process.pid == each.pid:
                each.container.is_out_of_memory = True
                kill_all(found[each.pid])

    async def _look_at_storage(self, run: PodRun) -> None:
        volumes = {name: run.volumes_folder / name for name in counted_volumes(run.pod)}
        containers = _storing(run) if limits_containers(run.pod) else []
        if run.is_finished or not (volumes or containers):
            return
        use = await asyncio.to_thread(_stored, volumes, containers)
        if failure := over_limit(run.pod, use):
            run.fail(failure)


def _limited(run: PodRun) -> list[_Limited]:
    limits = memory_limits(run.pod)
    containers = ((run.containers[name], limit) for name, limit in limits.items() if name in run.containers)
    return [_Limited(each, each.running.process.pid, limit) for each, limit in containers if each.running]


def _too_much(limits: Mapping[int, int]) -> dict[int, list[int]]:
    """The processes that exceed their limits together with their descendants, and these descendants."""
    trees = below(limits)
    return {root: tree for root, tree in trees.items() if usage_of(tree).kibibytes * 1024 > limits[root]}


def _storing(run: PodRun) -> list[_Storing]:
    return [
        _Storing(name, each.running.process.pid, each.running.spec.root is not None, each.log_paths())
        for name, each in run.containers.items()
        if each.running
    ]


def _stored(volumes: Mapping[str, Path], containers: Iterable[_Storing]) -> StorageUse:
    return StorageUse(
        {name: size_of_folder(folder) for name, folder in volumes.items()},
        {each.name: _written(each) + sum(map(size_of_log, each.logs)) for each in containers},
    )


def _written(container: _Storing) -> int:
    """What is in a container's root beside volumes; nothing where that includes copied layers of its image."""
    if container.of_image:
        return own_octets(container.pid, "overlay", {"/"})
    return own_octets(container.pid, "tmpfs", {"/", *EMPTY_FOLDERS})
