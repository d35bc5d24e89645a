"""One container from its first start to its last end: restarts with back-off, hooks, probes, orderly stop."""

import asyncio
import contextlib
import signal
import time
from dataclasses import replace

from fairlead.app.node.context import PodContext, timestamp
from fairlead.app.node.probes import Prober
from fairlead.drivers.kube.client import KubeError, Unreachable
from fairlead.drivers.kube.event_recorder import Happening
from fairlead.drivers.kubelet.log_stream import last_lines
from fairlead.drivers.linux.child_process import StartError
from fairlead.drivers.pods.launcher import Child
from fairlead.drivers.pods.output import ContainerStreams, FinishedLog, LogFile
from fairlead.drivers.pods.probes import ProbeTarget, perform
from fairlead.drivers.pods.process import ProcessSpec, start_container
from fairlead.drivers.pods.runtime import Log, open_streams
from fairlead.drivers.pods.termination_message import make_message_file, take_last_words
from fairlead.nodeagent.images import ImageError
from fairlead.nodeagent.manifest import Container
from fairlead.nodeagent.restarts import next_delay, restarts
from fairlead.nodeagent.security_context import CredentialsError
from fairlead.nodeagent.sources import SourceError
from fairlead.nodeagent.status import CREATING, ContainerRecord, Running, State, Terminated, Waiting
from fairlead.nodeagent.termination import FILE_OCTETS, MESSAGE_LINES, message_of, shows_log, with_message_file
from fairlead.nodeagent.volumes import VolumeError

# Seconds until something that is not there is looked for again, doubling: what a new namespace lacks comes in no time.
FIRST_BLOCKED_RETRY, LAST_BLOCKED_RETRY = 0.1, 2.0
HOOK_GRACE = 2.0  # seconds that a container gets to end after a hook that has used up its grace period, as upstream


class ContainerRun:
    """Keeps one container of a Pod running as its restart policy says.

    Attributes:
        record: what is known of it now.
        process: the running process, or None.
        streams: those of the running process, or None.
        spec: what the process that runs or ran last was made from.
        settled: set once it has started (startup probe included) or ended for good.
    """

    def __init__(self, context: PodContext, record: ContainerRecord, policy: str) -> None:
        self.record = record
        self.process: Child | None = None
        self.streams: ContainerStreams | None = None
        self.spec: ProcessSpec | None = None
        self.settled = asyncio.Event()
        self._context, self._policy = context, policy
        self._stopping = asyncio.Event()

    @property
    def _container(self) -> Container:
        return self.record.container

    async def run(self, sandbox: Child) -> None:
        """Start, watch and restart until it has ended for good or is stopped."""
        delay: float | None = None
        blocked = FIRST_BLOCKED_RETRY
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                if not isinstance(self.record.state, Terminated):
                    self._set(await self._live(sandbox))
                end = self.record.state
                if self._stopping.is_set():
                    return
                if not isinstance(end, Terminated):
                    await self._pause(blocked)
                    blocked = min(2 * blocked, LAST_BLOCKED_RETRY)
                elif restarts(self._policy, end.exit_code):
                    delay = next_delay(delay, time.monotonic() - began)
                    await self._back_off(end, delay)
                else:
                    return
        finally:
            self.settled.set()

    def interrupted(self) -> None:
        """Note that its sandbox has gone, and its process with it; it can be run in another one."""
        if isinstance(self.record.state, Running):
            self._set(_terminated(-signal.SIGKILL, self.record.state.started_at))

    async def stop(self, grace: float) -> None:
        """End it for good: its hook, then SIGTERM, and ``grace`` seconds after the beginning SIGKILL."""
        self._stopping.set()
        await self._end(grace)

    def log(self, previous: bool) -> Log:
        """The log of the run that is or was last, or of the one before it; its file need not be there. While the next
        run is waited for, the one that ended last is both."""
        if self.streams and not previous:
            return self.streams.log
        waits = isinstance(self.record.state, Waiting)
        run = self.record.restart_count - (1 if previous or waits else 0)
        return FinishedLog(self._context.log_path(self._container, run))

    def _set(self, state: State, *, ready: bool = False, started: bool = False) -> None:
        self.record = replace(self.record, state=state, ready=ready, started=started)
        self._context.changed()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _back_off(self, end: Terminated, delay: float) -> None:
        message = f"back-off {delay:.0f}s restarting failed container={self._container.name} pod={self._context}"
        waiting = Waiting("CrashLoopBackOff", message) if delay else CREATING
        if delay:
            self._context.warn("BackOff", f"Back-off restarting failed container {self._container.name}")
        self.record = replace(self.record, last=end, restart_count=self.record.restart_count + 1)
        self._set(waiting)
        await self._pause(delay)

    async def _live(self, sandbox: Child) -> State:
        """Run the process once; how it ended, or why it cannot run."""
        started_at = timestamp()
        try:
            self.process, self.streams = await self._start(sandbox)
        except (CredentialsError, ImageError, SourceError, VolumeError) as error:
            return self._blocked(Waiting(error.reason, str(error)))
        except (KubeError, Unreachable) as error:
            return Waiting(SourceError.reason, str(error))
        except (StartError, OSError) as error:
            self._context.warn("Failed", f"Error: {error}")
            return Terminated(128, "StartError", started_at, timestamp(), str(error))
        try:
            code = await self._watch(self.process, started_at)
        finally:
            self.process = None
            streams, self.streams = self.streams, None
            await streams.finish()
        return _terminated(code, started_at)._replace(message=self._last_words(code))

    def _last_words(self, exit_code: int) -> str:
        message = take_last_words(self._context.message_path(self._container, self.record.restart_count), FILE_OCTETS)
        if message or not shows_log(self._container, exit_code):
            return message.decode(errors="replace")
        path = self._context.log_path(self._container, self.record.restart_count)
        return message_of(last_lines(path, MESSAGE_LINES))

    def _blocked(self, state: Waiting) -> Waiting:
        if state != self.record.state:
            self._context.warn("Failed", f"Error: {state.reason}: {state.message}")
        return state

    async def _start(self, sandbox: Child) -> tuple[Child, ContainerStreams]:
        path = self._context.log_path(self._container, self.record.restart_count)
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as undo:
            opened = open_streams(self._container.stdin, self._container.tty)
            undo.callback(opened.own.close)
            try:
                spec = await self._context.process_spec(self._container, opened.given)
                message = self._context.message_path(self._container, self.record.restart_count)
                make_message_file(message)
                spec = replace(spec, mounts=with_message_file(spec.mounts, self._container, str(message)))
                log_file = LogFile(path)
                undo.callback(log_file.close)
                process = await start_container(sandbox, spec)
            finally:
                opened.close_given()
            opened.own.complete()
            undo.pop_all()
        self.spec = spec
        return process, ContainerStreams(opened.own, log_file)

    async def _watch(self, process: Child, started_at: str) -> int:
        """Follow the process until it ends; its exit code."""
        container = self._container
        started = container.startup_probe is None and not (container.lifecycle and container.lifecycle.post_start)
        self._set(Running(started_at), started=started, ready=started and container.readiness_probe is None)
        async with asyncio.TaskGroup() as group:
            following = group.create_task(self._follow(self._target(process)))
            try:
                return await process.wait()
            finally:
                following.cancel()

    def _target(self, process: Child) -> ProbeTarget:
        assert self.spec is not None
        return ProbeTarget(self._container, process, self.spec, self._context.placement.pod_ips[0])

    async def _follow(self, target: ProbeTarget) -> None:
        grace = self._context.pod.spec.termination_grace_period_seconds

        def started() -> None:
            self._set(self.record.state, started=True, ready=self._container.readiness_probe is None)
            self.settled.set()

        def ready(verdict: bool) -> None:
            self._set(self.record.state, started=True, ready=verdict)

        def failed(probe: str, why: str) -> None:
            self._context.warn("Unhealthy", f"{probe} probe failed: {why}")

        async def unhealthy(what: str) -> None:
            message = f"Container {self._container.name} failed {what}, will be restarted"
            self._context.say(Happening("Killing", message))
            await self._end(grace)

        hook = self._container.lifecycle and self._container.lifecycle.post_start
        if hook and not (await perform(hook, target, grace)).success:
            await unhealthy("its postStart hook")
        await Prober(target, started, ready, failed, unhealthy).run()

    async def _end(self, grace: float) -> None:
        process = self.process
        if process is None:
            return
        deadline = time.monotonic() + grace
        hook = self._container.lifecycle and self._container.lifecycle.pre_stop
        if hook and grace:
            await perform(hook, self._target(process), grace)
            deadline = max(deadline, time.monotonic() + HOOK_GRACE)
        process.signal(signal.SIGTERM)
        try:
            # Not wait_for, which in Python 3.11 may swallow a cancellation.
            async with asyncio.timeout(deadline - time.monotonic()):
                await process.wait()
        except TimeoutError:
            process.signal(signal.SIGKILL)
            await process.wait()


def _terminated(code: int, started_at: str) -> Terminated:
    reason = "Completed" if code == 0 else "Error"
    return Terminated(code if code >= 0 else 128 - code, reason, started_at, timestamp())
