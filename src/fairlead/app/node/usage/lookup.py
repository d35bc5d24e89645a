"""The resource usage of the node and its Pods, read on request."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from fairlead.app.node.pod import PodRun
from fairlead.drivers.linux import usage as found
from fairlead.drivers.linux.usage import ProcessUsage
from fairlead.nodeagent.usage import ContainerUse, NodeUse, PodUse, UsageMoment, Use


class _RunningContainer(NamedTuple):
    name: str
    pid: int
    started_at: str


class _RunningPod(NamedTuple):
    """A Pod with the data to find its processes."""

    namespace: str
    name: str
    uid: str
    started_at: str
    sandbox: int
    own_network: bool
    containers: tuple[_RunningContainer, ...]


class NodeUsage:
    """Reads resource usage.

    Args:
        volumes: the folder whose file system counts as the node's.
        pods: the running Pods.
    """

    def __init__(self, node: str, volumes: Path, pods: Callable[[], Iterable[PodRun]]) -> None:
        self._node, self._volumes, self._pods = node, volumes, pods
        self._before: UsageMoment | None = None
        self._turn = asyncio.Lock()

    async def look(self) -> tuple[UsageMoment, UsageMoment | None]:
        """Now, and when it was looked up before."""
        async with self._turn:
            running = [each for each in map(_running, self._pods()) if each]
            before, self._before = self._before, await asyncio.to_thread(self._look, running)
            return self._before, before

    def _look(self, running: list[_RunningPod]) -> UsageMoment:
        spaces = {pod.uid: found.pid_namespace(pod.sandbox) for pod in running}
        processes = found.processes_by_namespace(space for space in spaces.values() if space)
        floors = _Floors(self._before)
        pods = tuple(floors.keep(_pod(pod, processes.get(spaces[pod.uid], []))) for pod in running)
        return UsageMoment(time.time_ns(), self._machine(), pods)

    def _machine(self) -> NodeUse:
        machine = found.machine()
        return NodeUse(
            self._node,
            datetime.fromtimestamp(machine.booted_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            Use(cpu=machine.cpu),
            machine.memory_total,
            machine.memory_available,
            found.file_system(self._volumes),
            found.interfaces_of("self"),
        )


def _running(run: PodRun) -> _RunningPod | None:
    sandbox = run.sandbox.child
    if sandbox is None:
        return None
    containers = tuple(
        _RunningContainer(name, each.running.process.pid, each.running.started_at)
        for name, each in run.containers.items()
        if each.running
    )
    pod = run.pod
    is_apart = not pod.spec.host_network
    return _RunningPod(pod.namespace, pod.name, pod.metadata.uid, run.start_time, sandbox.pid, is_apart, containers)


def _pod(pod: _RunningPod, processes: list[ProcessUsage]) -> PodUse:
    containers = tuple(
        ContainerUse(each.name, each.started_at, found.total(found.descendants(each.pid, processes)))
        for each in pod.containers
    )
    interfaces = found.interfaces_of(pod.sandbox) if pod.own_network else ()
    use = found.total(processes)
    return PodUse(
        pod.namespace, pod.name, pod.uid, pod.started_at, use, containers, interfaces, processes=len(processes)
    )


class _Floors:
    """Keeps the CPU time of ended processes, because counters must not decrease."""

    def __init__(self, before: UsageMoment | None) -> None:
        self._pods = {pod.uid: pod for pod in before.pods} if before else {}

    def keep(self, pod: PodUse) -> PodUse:
        before = self._pods.get(pod.uid)
        if before is None:
            return pod
        known = {(each.name, each.started_at): each.use.cpu for each in before.containers}
        containers = tuple(
            replace(each, use=_at_least(each.use, known.get((each.name, each.started_at), 0)))
            for each in pod.containers
        )
        return replace(pod, use=_at_least(pod.use, before.use.cpu), containers=containers)


def _at_least(use: Use, cpu: int) -> Use:
    return use if use.cpu >= cpu else replace(use, cpu=cpu)
