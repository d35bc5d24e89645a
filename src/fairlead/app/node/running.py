"""A container's process from its start to its end: created, terminated gracefully, and cleaned up."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable
from dataclasses import dataclass, replace

from fairlead.app.node.context import PodContext, timestamp
from fairlead.drivers.kubelet.log_stream import last_lines
from fairlead.drivers.pods.launching.launcher import Child
from fairlead.drivers.pods.left_behind import NO_IMAGE, ImageOrigin, PodFolder, WrittenContainer, pipe_inode
from fairlead.drivers.pods.output import ContainerStreams, LogFile, remove_log
from fairlead.drivers.pods.probes import ProbeTarget, perform
from fairlead.drivers.pods.process import ProcessSpec, start_container, start_holder
from fairlead.drivers.pods.runtime import STDERR, STDIN, STDOUT, open_streams
from fairlead.drivers.pods.termination_message import make_message_file, take_last_words
from fairlead.images.stop_signal import signal_number
from fairlead.nodeagent.manifest import Container
from fairlead.nodeagent.records import Terminated
from fairlead.nodeagent.termination import FILE_OCTETS, MESSAGE_LINES, message_of, shows_log, with_message_file

KEPT_RUNS = 2  # of a container: logs of the one that runs, and of the one before it, as kubelet's garbage collection
HOOK_GRACE = 2.0  # seconds that a container gets to end after a hook that has used up its grace period, as upstream


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunningContainer:
    """A running process.

    Attributes:
        run: number of this run of the container, from 0.
        began: event loop time of its start.
        started_at: the same, as the API writes it.
        spec: the specification that it was created from.
        origin: origin of its image.
        is_fresh: the image was pulled for it.
    """

    container: Container
    run: int
    began: float
    started_at: str
    process: Child
    streams: ContainerStreams
    spec: ProcessSpec
    origin: ImageOrigin = NO_IMAGE
    is_fresh: bool = False

    @property
    def stop_signal(self) -> int:
        """The signal that stops it: its own, its image's, or SIGTERM."""
        own = self.container.lifecycle.stop_signal if self.container.lifecycle else ""
        return signal_number(own or self.origin.stop_signal)

    def target(self, context: PodContext) -> ProbeTarget:
        """The target of probes and hooks."""
        return ProbeTarget(self.container, self.process, self.spec, context.placement.pod_ips[0], context.ports)


async def start_running(
    context: PodContext, container: Container, run: int, sandbox: Child, folder: PodFolder
) -> RunningContainer:
    """Start a container's process.

    Args:
        folder: where the Pod's records are.

    Raises:
        CredentialsError, ImageError, SourceError, VolumeError: something about it is wrong, or not there yet.
        KubeError, Unreachable: the API could not be asked.
        StartError, OSError: it could not be started.
    """
    path = context.log_path(container, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    if run >= KEPT_RUNS:
        remove_log(context.log_path(container, run - KEPT_RUNS))
    with contextlib.ExitStack() as undo:
        opened = open_streams(container.stdin, container.tty, _lasting(container))
        undo.callback(opened.own.close)
        try:
            image, is_fresh = await context.settings.images.get(container, context.asker)
            spec = await context.process_spec(container, opened.given, image)
            if spec.root and await context.settings.images.must_copy(sandbox.launcher, context.asker):
                spec = replace(spec, root=replace(spec.root, is_copied=True))
            message = context.message_path(container, run)
            make_message_file(message)
            spec = replace(spec, mounts=with_message_file(spec.mounts, container, str(message)))
            log_file = LogFile(path)
            undo.callback(log_file.close)
            started_at = timestamp()
            origin = ImageOrigin(image.id, image.manifest, image.process.stop_signal) if image else NO_IMAGE
            folder.write(container.name, _written(run, started_at, spec, origin))
            process = await start_container(sandbox, spec, folder.container(container.name))
        finally:
            opened.close_given()
        opened.own.complete()
        undo.pop_all()
    if opened.own.terminal is not None:
        await start_holder(sandbox, opened.own.terminal, folder.holder(container.name))
    streams = ContainerStreams(opened.own, log_file, takes_more_input=not container.stdin_once)
    began = asyncio.get_running_loop().time()
    return RunningContainer(container, run, began, started_at, process, streams, spec, origin, is_fresh)


def _lasting(container: Container) -> tuple[str, ...]:
    """The streams that do not end with the node agent."""
    return (STDOUT, STDERR) if container.stdin_once else (STDIN, STDOUT, STDERR)


def _written(run: int, started_at: str, spec: ProcessSpec, origin: ImageOrigin) -> WrittenContainer:
    stdio = spec.stdio
    inodes = {name: pipe_inode(getattr(stdio, name)) for name in (STDIN, STDOUT, STDERR)}
    pipes = {name: inode for name, inode in inodes.items() if inode}
    environment = dict(spec.environment)
    own_root = spec.root is not None
    return WrittenContainer(run, started_at, environment, spec.credentials, spec.directory, pipes, own_root, origin)


def ended(context: PodContext, container: Container, run: int, started_at: str, code: int) -> Terminated:
    """How a run ended, with its last words: what it wrote to its message file, or the end of its log."""
    state = terminated(code, started_at)
    try:
        return state._replace(message=_last_words(context, container, run, code))
    except OSError as error:
        log.warning("last words of %s in %s are lost: %s", container.name, context, error)
        return state


def terminated(code: int, started_at: str) -> Terminated:
    """An exit code as the API has it, 128 + n after signal n."""
    reason = "Completed" if code == 0 else "Error"
    return Terminated(code if code >= 0 else 128 - code, reason, started_at, timestamp())


def _last_words(context: PodContext, container: Container, run: int, exit_code: int) -> str:
    message = take_last_words(context.message_path(container, run), FILE_OCTETS)
    if message or not shows_log(container, exit_code):
        return message.decode(errors="replace")
    return message_of(last_lines(context.log_path(container, run), MESSAGE_LINES))


class Ending:
    """The graceful termination of a process: its hook, then SIGTERM, and SIGKILL after the grace period.

    Args:
        grace: seconds; without any, the hook is left out.
    """

    def __init__(self, running: RunningContainer, target: ProbeTarget, grace: float) -> None:
        self._running, self._target, self._grace = running, target, grace
        self._deadline = asyncio.get_running_loop().time() + grace
        self._waiting: asyncio.Timeout | None = None

    def shorten(self, grace: float) -> None:
        """Shorten the time until SIGKILL to this many seconds from now, if that is sooner."""
        self._deadline = min(self._deadline, asyncio.get_running_loop().time() + grace)
        if self._waiting and not self._waiting.expired():
            self._waiting.reschedule(self._deadline)

    async def run(self) -> None:
        """Return when the process has ended."""
        hook = self._running.container.lifecycle and self._running.container.lifecycle.pre_stop
        if hook and self._grace:
            await self._until_deadline(perform(hook, self._target, self._grace))
            self._deadline = max(self._deadline, asyncio.get_running_loop().time() + HOOK_GRACE)
        self._running.process.signal(self._running.stop_signal)
        if not await self._until_deadline(self._running.process.wait()):
            self._running.process.signal(signal.SIGKILL)
            await self._running.process.wait()

    async def _until_deadline(self, what: Awaitable[object]) -> bool:
        """Whether it ends before the deadline, which can become earlier while this waits."""
        try:
            # Not wait_for, which in Python 3.11 may swallow a cancellation.
            async with asyncio.timeout_at(self._deadline) as self._waiting:
                await what
        except TimeoutError:
            return False
        finally:
            self._waiting = None
        return True
