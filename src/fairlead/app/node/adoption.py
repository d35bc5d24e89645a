"""Takes over the running Pods of an earlier agent of the node."""

import asyncio
import logging
import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fairlead.app.node.context import PodContext, timestamp
from fairlead.app.node.running import RunningContainer, ended
from fairlead.drivers.linux.calls import take_descriptor
from fairlead.drivers.linux.descriptors import PipeReader, Sink
from fairlead.drivers.pods.image_root import ImageRoot
from fairlead.drivers.pods.launching.birth_record import read_birth
from fairlead.drivers.pods.launching.launcher import Child, Launcher
from fairlead.drivers.pods.left_behind import PodFolder, WrittenContainer, adopt, open_pipes, pod_folders
from fairlead.drivers.pods.orphan_ends import take_end
from fairlead.drivers.pods.output import ContainerStreams, LogFile
from fairlead.drivers.pods.process import HELD, ProcessSpec
from fairlead.drivers.pods.runtime import STDERR, STDIN, STDOUT, OwnEnds, Stdio
from fairlead.nodeagent.manifest import Container
from fairlead.nodeagent.records import Terminated
from fairlead.streaming.exec_events import Output

log = logging.getLogger(__name__)

_NONE = Stdio(-1, -1, -1)  # a process that runs already needs no streams to start with
_FLAGS = {
    STDIN: os.O_WRONLY | os.O_NONBLOCK,
    STDOUT: os.O_RDONLY | os.O_NONBLOCK,
    STDERR: os.O_RDONLY | os.O_NONBLOCK,
}


@dataclass(frozen=True)
class FoundPod:
    """A running sandbox.

    Attributes:
        folder: the Pod's records.
        pod_ips: the Pod's addresses.
    """

    sandbox: Child
    folder: PodFolder
    pod_ips: tuple[str, ...]


def find_pods(records: Path, launcher: Launcher, ends: Path) -> dict[str, FoundPod]:
    """The sandboxes of this node that run, by the UID of their Pod; the records of others are removed."""
    found = {}
    for uid, folder in list(pod_folders(records)):
        birth = read_birth(folder.sandbox)
        sandbox = adopt(birth.process, launcher, ends) if birth and birth.is_born else None
        if sandbox:
            found[uid] = FoundPod(sandbox, folder, folder.addresses)
        else:
            folder.remove()
    return found


def find_container(
    context: PodContext, container: Container, found: FoundPod, ends: Path
) -> RunningContainer | tuple[int, Terminated] | None:
    """A container of a sandbox that was found: as it runs, or the number of its last run and how that ended while no
    agent was there. None when it had not been started, or its end is known to the API already."""
    written, birth = found.folder.read(container.name), read_birth(found.folder.container(container.name))
    if written is None or birth is None:
        return None
    process = adopt(birth.process, found.sandbox.launcher, ends)
    if process:
        return _running(context, container, found, written, process)
    found.folder.forget(container.name)
    if not birth.is_born:
        return None
    status = take_end(ends, birth.process)
    if status is None:
        unknown = Terminated(137, "ContainerStatusUnknown", written.started_at, timestamp())
        return written.run, unknown._replace(message="The container ended while the node agent was restarted.")
    return written.run, ended(context, container, written.run, written.started_at, os.waitstatus_to_exitcode(status))


def _running(
    context: PodContext, container: Container, found: FoundPod, written: WrittenContainer, process: Child
) -> RunningContainer:
    own = _own_ends(container, found, written, process)
    streams = ContainerStreams(
        own, LogFile(context.log_path(container, written.run)), takes_more_input=not container.stdin_once
    )
    age = time.time() - datetime.fromisoformat(written.started_at).timestamp()
    root = ImageRoot(()) if written.own_root else None  # what is in it is known to the process that runs alone
    spec = ProcessSpec((), written.environment, _NONE, written.credentials, written.directory, root=root)
    context.settings.images.hold(written.origin.manifest)
    began = asyncio.get_running_loop().time() - age
    return RunningContainer(container, written.run, began, written.started_at, process, streams, spec, written.origin)


def _own_ends(container: Container, found: FoundPod, written: WrittenContainer, process: Child) -> OwnEnds:
    """Our ends of its streams, as far as anything in the container still has the others."""
    if container.tty:
        return _terminal(container, found)
    pipes = open_pipes(process.pid, written.pipes, _FLAGS)
    if missing := written.pipes.keys() - pipes.keys():
        log.warning("container %s writes nowhere any more: %s", container.name, ", ".join(sorted(missing)))
    outputs = {output: PipeReader(pipes[output.value]) for output in Output if output.value in pipes}
    return OwnEnds(Sink(pipes[STDIN]) if STDIN in pipes else None, outputs)


def _terminal(container: Container, found: FoundPod) -> OwnEnds:
    birth = read_birth(found.folder.holder(container.name))
    if birth is None:
        return OwnEnds(None, {})
    try:
        holder = os.pidfd_open(birth.process.pid)
    except ProcessLookupError:
        return OwnEnds(None, {})
    try:
        fd = take_descriptor(holder, HELD)
    finally:
        os.close(holder)
    return OwnEnds(Sink(os.dup(fd)), {Output.STDOUT: PipeReader(fd)}, fd)
