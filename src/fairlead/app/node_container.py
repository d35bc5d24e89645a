"""One container from its first start to its last end: restarts with back-off, probes, orderly stop."""

import asyncio
import contextlib
import functools
import logging
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from fairlead.drivers.child_process import Child, StartError
from fairlead.drivers.container_output import ContainerStreams, FinishedLog, LogFile
from fairlead.drivers.container_runtime import Log, Stdio, open_streams
from fairlead.drivers.pod_process import ProcessSpec, start_container
from fairlead.drivers.probes import ProbeTarget, perform
from fairlead.model.objects import Service
from fairlead.nodeagent.environment import Placement, VariableError, build_environment
from fairlead.nodeagent.images import ImageError, program_for
from fairlead.nodeagent.manifest import Container, Probe, RunPod
from fairlead.nodeagent.probing import Series, Verdict
from fairlead.nodeagent.restarts import next_delay, restarts
from fairlead.nodeagent.status import CREATING, ContainerRecord, Running, State, Terminated, Waiting
from fairlead.nodeagent.volumes import VolumeError, mounts_of

FIRST_PROBE_INTERVAL = 0.02  # seconds; see ``_readiness``

Builtin = Callable[[Sequence[str]], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ContainerSettings:
    """What containers need to know of their node.

    Attributes:
        images: command lines by image pattern.
        builtins: what the built-in images run, by image name.
        logs: folder of container logs.
        services: those that any Pod may get variables for.
    """

    images: Mapping[str, str]
    builtins: Mapping[str, Builtin]
    logs: Path
    services: Callable[[], Iterable[Service]]


def timestamp() -> str:
    """This moment as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class PodContext:
    """The Pod that a container belongs to.

    Attributes:
        changed: called after each change of what is known of a container.
    """

    pod: RunPod
    placement: Placement
    settings: ContainerSettings
    changed: Callable[[], None]

    def __str__(self) -> str:
        return f"{self.pod.name}_{self.pod.namespace}({self.pod.metadata.uid})"


class ContainerRun:
    """Keeps one container of a Pod running as its restart policy says.

    Attributes:
        record: what is known of it now.
        process: the running process, or None.
        streams: those of the running process, or None.
        environment: of the process that runs or ran last.
        settled: set once it has started (startup probe included) or ended for good.
    """

    def __init__(self, context: PodContext, record: ContainerRecord, policy: str) -> None:
        self.record = record
        self.process: Child | None = None
        self.streams: ContainerStreams | None = None
        self.environment: Mapping[str, str] = {}
        self.settled = asyncio.Event()
        self._context, self._policy = context, policy
        self._stopping = asyncio.Event()

    @property
    def _container(self) -> Container:
        return self.record.container

    async def run(self, sandbox: Child) -> None:
        """Start, watch and restart until it has ended for good, is stopped, or cannot be started at all."""
        delay: float | None = None
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                if not isinstance(self.record.state, Terminated):
                    self._set(await self._live(sandbox))
                end = self.record.state
                if not isinstance(end, Terminated) or not restarts(self._policy, end.exit_code):
                    return
                delay = next_delay(delay, time.monotonic() - began)
                await self._back_off(end, delay)
        finally:
            self.settled.set()

    def interrupted(self) -> None:
        """Note that its sandbox has gone, and its process with it; it can be run in another one."""
        if isinstance(self.record.state, Running):
            self._set(_terminated(-signal.SIGKILL, self.record.state.started_at))

    async def stop(self, grace: float) -> None:
        """End it for good: SIGTERM, and after ``grace`` seconds SIGKILL."""
        self._stopping.set()
        if self.process is not None:
            await _end(self.process, grace)

    def _set(self, state: State, *, ready: bool = False, started: bool = False) -> None:
        self.record = replace(self.record, state=state, ready=ready, started=started)
        self._context.changed()

    async def _back_off(self, end: Terminated, delay: float) -> None:
        message = f"back-off {delay:.0f}s restarting failed container={self._container.name} pod={self._context}"
        waiting = Waiting("CrashLoopBackOff", message) if delay else CREATING
        self.record = replace(self.record, last=end, restart_count=self.record.restart_count + 1)
        self._set(waiting)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._stopping.wait()

    async def _live(self, sandbox: Child) -> State:
        """Run the process once; how it ended, or why it cannot run."""
        started_at = timestamp()
        try:
            self.process, self.streams = await self._start(sandbox)
        except (ImageError, VariableError, VolumeError) as error:
            return Waiting(error.reason, str(error))
        except (StartError, OSError) as error:
            return Terminated(128, "StartError", started_at, timestamp(), str(error))
        target = ProbeTarget(self._container, self.process, self.environment, self._context.placement.pod_ip)
        try:
            code = await self._watch(target, started_at)
        finally:
            self.process = None
            streams, self.streams = self.streams, None
            await streams.finish()
        return _terminated(code, started_at)

    async def _start(self, sandbox: Child) -> tuple[Child, ContainerStreams]:
        with contextlib.ExitStack() as undo:
            opened = open_streams(self._container.stdin, self._container.tty)
            undo.callback(opened.own.close)
            try:
                spec = self._process_spec(opened.given)
                log_file = LogFile(self._log_path)
                undo.callback(log_file.close)
                process = await start_container(sandbox, spec)
            finally:
                opened.close_given()
            undo.pop_all()
        self.environment = spec.environment
        return process, ContainerStreams(opened.own, log_file)

    def log(self, previous: bool) -> Log:
        """The log of the run that is or was last, or of the one before it; its file need not be there. While the next
        run is waited for, the one that ended last is both."""
        if self.streams and not previous:
            return self.streams.log
        waits = isinstance(self.record.state, Waiting)
        return FinishedLog(self._log_of(self.record.restart_count - (1 if previous or waits else 0)))

    @property
    def _log_path(self) -> Path:
        return self._log_of(self.record.restart_count)

    def _log_of(self, run: int) -> Path:
        pod = self._context.pod
        folder = self._context.settings.logs / f"{pod.namespace}_{pod.name}_{pod.metadata.uid}"
        return folder / f"{self._container.name}-{run}.log"

    def _process_spec(self, stdio: Stdio) -> ProcessSpec:
        pod, settings = self._context.pod, self._context.settings
        program = program_for(self._container, settings.images)
        environment = build_environment(self._container, pod, self._context.placement, settings.services())
        builtin = None
        if program.builtin is not None:
            environment = {**_identity(pod, self._context.placement), **environment}
            builtin = functools.partial(settings.builtins[program.builtin], program.command)
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        return ProcessSpec(
            command=program.command,
            builtin=builtin,
            environment=environment,
            directory=self._container.working_dir or "/",
            stdio=stdio,
            mounts=mounts_of(self._container, pod),
        )

    async def _watch(self, target: ProbeTarget, started_at: str) -> int:
        """Probe the process until it ends; its exit code."""
        started = self._container.startup_probe is None
        self._set(Running(started_at), started=started, ready=started and self._container.readiness_probe is None)
        if started:
            self.settled.set()
        async with asyncio.TaskGroup() as group:
            probing = group.create_task(self._probe(target))
            try:
                return await target.process.wait()
            finally:
                probing.cancel()

    async def _probe(self, target: ProbeTarget) -> None:
        if probe := self._container.startup_probe:
            await self._startup(probe, target)
        async with asyncio.TaskGroup() as group:
            if probe := self._container.readiness_probe:
                group.create_task(self._readiness(probe, target))
            if probe := self._container.liveness_probe:
                group.create_task(self._liveness(probe, target))

    async def _startup(self, probe: Probe, target: ProbeTarget) -> None:
        await asyncio.sleep(probe.initial_delay_seconds)
        series = Series()
        while series.verdict is not Verdict.SUCCESS:
            series = series.after((await perform(probe, target)).success, probe)
            if series.verdict is Verdict.FAILURE:
                await self._kill_unhealthy(target.process, "startup")
            if series.verdict is Verdict.UNKNOWN:
                await asyncio.sleep(probe.period_seconds)
        self._set(self.record.state, started=True, ready=self._container.readiness_probe is None)
        self.settled.set()

    async def _readiness(self, probe: Probe, target: ProbeTarget) -> None:
        """Follow the readiness probe. Until its first success it is asked more often than its period says, beginning
        with FIRST_PROBE_INTERVAL: a Pod that is ready in a moment should not wait for ten seconds to be seen."""
        await asyncio.sleep(probe.initial_delay_seconds)
        series, interval = Series(), FIRST_PROBE_INTERVAL
        while True:
            series = series.after((await perform(probe, target)).success, probe)
            ready = series.verdict is Verdict.SUCCESS
            if ready != self.record.ready and isinstance(self.record.state, Running):
                self._set(self.record.state, started=True, ready=ready)
            interval = probe.period_seconds if ready else min(interval * 2, probe.period_seconds)
            await asyncio.sleep(interval)

    async def _liveness(self, probe: Probe, target: ProbeTarget) -> None:
        await asyncio.sleep(probe.initial_delay_seconds)
        series = Series()
        while True:
            series = series.after((await perform(probe, target)).success, probe)
            if series.verdict is Verdict.FAILURE:
                await self._kill_unhealthy(target.process, "liveness")
            await asyncio.sleep(probe.period_seconds)

    async def _kill_unhealthy(self, process: Child, which: str) -> None:
        log.warning("%s: %s probe of container %s failed", self._context, which, self._container.name)
        await _end(process, self._context.pod.spec.termination_grace_period_seconds)


def _identity(pod: RunPod, placement: Placement) -> dict[str, str]:
    """Who a built-in image is, which a real one would ask the downward API for."""
    return {
        "POD_NAME": pod.name,
        "POD_NAMESPACE": pod.namespace,
        "POD_IP": placement.pod_ip,
        "NODE_NAME": placement.node_name,
    }


async def _end(process: Child, grace: float) -> None:
    process.signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(grace):  # not wait_for, which in Python 3.11 may swallow a cancellation
            await process.wait()
    except TimeoutError:
        process.signal(signal.SIGKILL)
        await process.wait()


def _terminated(code: int, started_at: str) -> Terminated:
    reason = "Completed" if code == 0 else "Error"
    return Terminated(code if code >= 0 else 128 - code, reason, started_at, timestamp())
