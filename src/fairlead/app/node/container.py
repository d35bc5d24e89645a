"""Carries out the actions of one container's life, and reports their results; ``nodeagent.life`` decides."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from fairlead.app.node.context import PodContext, timestamp
from fairlead.app.node.probes import Prober
from fairlead.app.node.running import Ending, RunningContainer, ended, start_running
from fairlead.drivers.kube.client import KubeError, Unreachable
from fairlead.drivers.linux.child_process import StartError
from fairlead.drivers.pods.launching.launcher import Child
from fairlead.drivers.pods.left_behind import PodFolder
from fairlead.drivers.pods.output import FinishedLog
from fairlead.drivers.pods.probes import perform
from fairlead.drivers.pods.runtime import ContainerLog
from fairlead.model.events import EventText
from fairlead.nodeagent.images import ImageError
from fairlead.nodeagent.life import container_events as events
from fairlead.nodeagent.limits import OUT_OF_MEMORY
from fairlead.nodeagent.manifest import Container
from fairlead.nodeagent.records import ContainerRecord, Terminated, Waiting
from fairlead.nodeagent.security_context import CredentialsError
from fairlead.nodeagent.sources import SourceError
from fairlead.nodeagent.volumes import VolumeError

log = logging.getLogger(__name__)


class ContainerRun:
    """Carries out the actions of one container's life.

    Attributes:
        record: the current record of the container in its life.
        running: its process; None while there is none.
        is_out_of_memory: its process is ended because it exceeds its memory limit.

    Args:
        folder: where the Pod's records are.
        post: receives the events of its life.
    """

    def __init__(
        self,
        context: PodContext,
        record: ContainerRecord,
        folder: PodFolder,
        post: Callable[[events.ContainerEvent], None],
    ) -> None:
        self.record, self._folder = record, folder
        self.running: RunningContainer | None = None
        self.is_out_of_memory = False
        self._context, self._post = context, post
        self._starting: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._ending: Ending | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def container(self) -> Container:
        return self.record.container

    def perform(self, effect: events.ContainerEffect, sandbox: Child | None) -> None:
        """Do it in the background."""
        match effect:
            case events.Start(attempt):
                self._starting = self._do(self._start(attempt, sandbox))
                # Not in the task itself, which may be cancelled before it has begun.
                self._starting.add_done_callback(
                    lambda task: task.cancelled() and self._post(events.NotStarted(attempt))
                )
            case events.Follow(attempt) if self.running:
                self._following = self._do(self._follow(attempt, self.running))
            case events.CancelStart() if self._starting:
                self._starting.cancel()
            case events.Terminate(_, grace):
                self._terminate(grace)
            case events.DelayStart(attempt, after):
                self._do(self._wake(attempt, after))

    def log(self, previous: bool) -> ContainerLog:
        """The log of the run that is or was last, or of the one before it; its file need not be there. While the next
        run is waited for, the one that ended last is both."""
        if self.running and not previous:
            return self.running.streams.log
        waits = isinstance(self.record.state, Waiting)
        run = self.record.restart_count - (1 if previous or waits else 0)
        return FinishedLog(self._context.log_path(self.container, run))

    def log_paths(self) -> tuple[Path, ...]:
        """The paths of its kept logs: of the last run, and of the one before."""
        last = self.running.run if self.running else self.record.restart_count
        return tuple(self._context.log_path(self.container, run) for run in range(max(0, last - 1), last + 1))

    def cancel(self) -> None:
        """Start nothing any more, and wait for nothing but the end of the process, if there is one."""
        for task in self._tasks - {self._following}:
            task.cancel()

    def _do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _wake(self, attempt: int, after: float) -> None:
        await asyncio.sleep(after)
        self._post(events.DelayOver(attempt))

    async def _start(self, attempt: int, sandbox: Child | None) -> None:
        """Start the container and post the result, unless the start is cancelled."""
        started_at = timestamp()
        try:
            if sandbox is None:
                raise StartError("the sandbox has gone")
            running = await start_running(
                self._context, self.container, self.record.restart_count, sandbox, self._folder
            )
        except (CredentialsError, ImageError, SourceError, VolumeError) as error:
            self._post(events.Blocked(attempt, Waiting(error.reason, str(error))))
        except (KubeError, Unreachable) as error:
            self._post(events.Blocked(attempt, Waiting(SourceError.reason, str(error))))
        except Exception as error:  # a fault of ours is the container's, and not the end of its Pod
            if not isinstance(error, (StartError, OSError)):
                log.exception("container %s of %s cannot be started", self.container.name, self._context)
            end = Terminated(128, "StartError", started_at, timestamp(), str(error))
            self._post(events.Ended(attempt, end, 0.0))
        else:
            self.running, self._ending, self.is_out_of_memory = running, None, False
            self._post(events.Started(attempt, running.started_at, running.origin.image_id, running.is_fresh))
            self._following = self._do(self._follow(attempt, running))

    async def _follow(self, attempt: int, running: RunningContainer) -> None:
        """Report how the process ends, and what its probes say until then."""
        probing = self._do(self._probe(attempt, running))
        code = await running.process.wait()
        probing.cancel()
        self.running = None
        await running.streams.finish()
        end = ended(self._context, self.container, running.run, running.started_at, code)
        if self.is_out_of_memory:
            end = end._replace(reason=OUT_OF_MEMORY)
        self._folder.forget(self.container.name)
        self._post(events.Ended(attempt, end, asyncio.get_running_loop().time() - running.began))

    async def _probe(self, attempt: int, running: RunningContainer) -> None:
        """The postStart hook first, then the probes."""
        grace = self._context.pod.spec.termination_grace_period_seconds
        target = running.target(self._context)

        async def unhealthy(what: str, own_grace: int | None = None) -> None:
            self._post(events.Unhealthy(attempt, what, grace if own_grace is None else own_grace))

        hook = self.container.lifecycle and self.container.lifecycle.post_start
        if hook and not self.record.started and not (await perform(hook, target, grace)).success:
            await unhealthy("its postStart hook")
        await Prober(
            target,
            lambda: self._post(events.StartupDone(attempt)),
            lambda verdict: self._post(events.Ready(attempt, verdict)),
            lambda probe, why: self._context.say(EventText("Unhealthy", f"{probe} probe failed: {why}", "Warning")),
            unhealthy,
        ).run(is_started=self.record.started, is_ready=self.record.ready)

    def _terminate(self, grace: float) -> None:
        if self.running is None:
            return
        if self._ending:
            self._ending.shorten(grace)
            return
        target = self.running.target(self._context)
        self._ending = Ending(self.running, target, grace)
        self._do(self._ending.run())
