"""Pods as processes: a sandbox that holds a Pod's namespaces, and containers that run inside it.

The sandbox is a ``sleep`` that is PID 1 of the Pod's PID namespace: it ignores SIGCHLD, so that the kernel reaps the
Pod's orphans, and when it goes, everything in the Pod goes with it. It and the containers outlive the node agent, whose
successor finds them by their records (``birth_record``); commands beside them die with it. Containers are in the same
namespaces, each with a mount namespace of its own below the Pod's. All of them are forked by the agent's ``Launcher``;
functions called ``_be_…`` run in the forked child.
"""

import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairlead.drivers.linux import child_process, netns
from fairlead.drivers.linux.calls import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWUTS,
    set_parent_death_signal,
    setns,
    unshare,
)
from fairlead.drivers.linux.child_process import StartError
from fairlead.drivers.linux.terminal import become_controlled, open_terminal
from fairlead.drivers.pods import files, image_root, mounts, root_folder
from fairlead.drivers.pods.bare.tending import END_ALL, tend
from fairlead.drivers.pods.bare.told import pod_sockets
from fairlead.drivers.pods.emulation import answers
from fairlead.drivers.pods.image_root import ImageRoot
from fairlead.drivers.pods.launching.launcher import Birth, Child, Launcher
from fairlead.drivers.pods.machine_secrets import private_paths
from fairlead.drivers.pods.privileges import become, give_up_most_privileges, hand_over
from fairlead.drivers.pods.programs import execute
from fairlead.drivers.pods.runtime import Stdio
from fairlead.labnet import links
from fairlead.nodeagent.credentials import AS_ROOT, ProcessCredentials
from fairlead.nodeagent.volumes import Mount

_SHARED_NAMESPACES = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP


@dataclass(frozen=True)
class SandboxSpec:
    """The settings of a Pod's namespaces.

    Attributes:
        hostname: the host name within.
        texts: file contents by the absolute path at which the Pod sees them.
        link: how it is connected; None leaves it in its node's network namespace.
        hidden: paths of this machine that it must not see, beside the private ones that no Pod sees.
    """

    hostname: str
    texts: Mapping[str, str]
    link: links.PodLink | None
    hidden: Sequence[str] = ()


@dataclass(frozen=True)
class ProcessSpec:
    """The process of a container.

    Attributes:
        command: program and arguments; not used when ``builtin`` is given.
        builtin: runs in the forked child itself, sharing the launcher's memory; it can be pickled.
        environment: the whole environment.
        directory: where it starts.
        stdio: what standard input, output and error are to be.
        credentials: as whom it runs.
        mounts: its volumes, outer ones first.
        hidden: folders of this machine that it must not see through its volumes either.
        root: the root folder of its image; None: it is a command of this machine.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    stdio: Stdio
    credentials: ProcessCredentials = AS_ROOT
    directory: str = "/"
    builtin: Callable[[], None] | None = None
    mounts: Sequence[Mount] = ()
    hidden: Sequence[str] = ()
    root: ImageRoot | None = None


async def start_sandbox(launcher: Launcher, spec: SandboxSpec, record: Path) -> Child:
    """A running sandbox, connected and with its files in place, whose birth is recorded at a path.

    Raises:
        StartError: it could not be made; nothing of it is left.
    """
    if not launcher.has_namespaces:
        return await launcher.start(Birth(_be_bare_sandbox, None))
    return await launcher.start(Birth(_be_sandbox, spec, record=str(record)))


def _be_sandbox(spec: SandboxSpec, outlive: Callable[[], None]) -> None:
    if spec.link:
        _connect(spec.link)
    unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP)
    files.make_mounts_private()
    root_folder.enter_own_root(spec.texts, [*spec.hidden, *private_paths()])
    socket.sethostname(spec.hostname)
    give_up_most_privileges()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    outlive()
    os.execvpe("sleep", ["sleep", "infinity"], {})


def _be_bare_sandbox(_: None) -> None:
    """Without namespaces, the sandbox holds none, but the Pod's processes end with it."""
    os.execvpe("sleep", ["sleep", "infinity"], {})


def _connect(link: links.PodLink) -> None:
    try:
        netns.connect_pod(link)
    except netns.LinkError as error:
        raise StartError(f"cannot connect the Pod: {error}") from error
    # As container runtimes do: a user other than root may listen on port 80 of a Pod.
    Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")


async def start_container(sandbox: Child, spec: ProcessSpec, record: Path) -> Child:
    """A running container, whose birth is recorded at a path.

    Raises:
        StartError: it could not be started: no such program, no such directory, the sandbox has gone.
    """
    given = (sandbox.pidfd, *_descriptors(spec.stdio))
    if not sandbox.launcher.has_namespaces:
        return await sandbox.launcher.start(Birth(_be_bare_container, spec, given, kill_number=END_ALL))
    return await sandbox.launcher.start(Birth(_be_container, spec, given, str(record)))


def _be_container(spec: ProcessSpec, outlive: Callable[[], None], sandbox: int, *given: int) -> None:
    sources = mounts.take_sources(spec.mounts)
    layers = image_root.take_layers(spec.root) if spec.root else -1
    setns(sandbox, _SHARED_NAMESPACES)
    unshare(CLONE_NEWNS)
    if spec.root:
        image_root.enter_image_root(layers, spec.root, spec.credentials)
        image_root.mount_volumes(spec.root, sources, spec.hidden, spec.directory)
    else:
        mounts.mount_all(sources, spec.hidden)
        files.present_user(spec.credentials)
    emulation = answers.emulation_for(spec.credentials, of_image=spec.root is not None)
    _take(_renumbered(spec.stdio, given), spec.credentials)
    become(spec.credentials)
    if emulation:
        emulation.begin()
    _change_directory(spec.directory)
    outlive()
    if spec.builtin is None:
        _execute(spec.command, spec.environment, only_own=spec.root is not None)
    else:
        _run_builtin(spec.builtin, spec.environment)


def _be_bare_container(spec: ProcessSpec, sandbox: int, *given: int) -> None:
    """Without namespaces: as the lab's user, in the root folder of this machine."""

    def be_program() -> None:
        _take(_renumbered(spec.stdio, given), AS_ROOT)
        _change_directory(spec.directory)
        if spec.builtin is None:
            _execute(spec.command, spec.environment, only_own=False)
        else:
            _run_builtin(spec.builtin, spec.environment)

    tend(be_program, sandbox, pod_sockets(spec.environment))


async def why_no_overlay(launcher: Launcher) -> str:
    """Why the kernel refuses overlayfs; empty when it does not."""
    try:
        await (await launcher.start(Birth(image_root.try_overlay, None))).wait()
    except StartError as error:
        return str(error)
    return ""


async def start_holder(sandbox: Child, fd: int, record: Path) -> Child:
    """A process of the Pod that does nothing but keep a descriptor open: a terminal whose only other end is ours would
    hang up with us. The next agent takes it from there, where it has the number HELD.

    Raises:
        StartError: it could not be started.
    """
    if not sandbox.launcher.has_namespaces:
        return await sandbox.launcher.start(Birth(_be_bare_sandbox, None))  # nothing outlives the agent there
    return await sandbox.launcher.start(Birth(_be_holder, None, (sandbox.pidfd, fd), str(record)))


HELD = 0


def _be_holder(_: None, outlive: Callable[[], None], sandbox: int, fd: int) -> None:
    setns(sandbox, _SHARED_NAMESPACES)
    os.dup2(fd, HELD)
    give_up_most_privileges()
    outlive()
    os.execvpe("sleep", ["sleep", "infinity"], {})


@dataclass(frozen=True)
class Command:
    """One more process for a running container.

    Attributes:
        credentials: those of the container.
        stdio: what standard input, output and error are to be; None for nothing, as an exec probe needs.
        only_own: whether the container has no programs but those of its image.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    credentials: ProcessCredentials = AS_ROOT
    directory: str = "/"
    stdio: Stdio | None = None
    only_own: bool = False


def beside(spec: ProcessSpec, arguments: tuple[str, ...], stdio: Stdio | None = None) -> Command:
    """The command that runs as a container's own process does."""
    return Command(arguments, spec.environment, spec.credentials, spec.directory, stdio, spec.root is not None)


async def start_in_container(container: Child, command: Command) -> Child:
    """A running command.

    Raises:
        StartError: it could not be started.
    """
    given = (container.pidfd, *(_descriptors(command.stdio) if command.stdio else ()))
    if not container.launcher.has_namespaces:
        return await container.launcher.start(Birth(_be_bare_command, command, given, kill_number=END_ALL))
    return await container.launcher.start(Birth(_be_command, command, given))


def _be_command(command: Command, container: int, *given: int) -> None:
    setns(container, _SHARED_NAMESPACES)
    emulation = answers.emulation_for(command.credentials, of_image=command.only_own)
    _take(_renumbered(command.stdio, given) if command.stdio else _nowhere(), command.credentials)
    become(command.credentials, like=container)
    if emulation:
        emulation.begin()
    set_parent_death_signal(signal.SIGKILL)  # which a change of user takes back
    _change_directory(command.directory)
    _execute(command.arguments, command.environment, only_own=command.only_own)


def _be_bare_command(command: Command, container: int, *given: int) -> None:
    def be_program() -> None:
        _take(_renumbered(command.stdio, given) if command.stdio else _nowhere(), AS_ROOT)
        _change_directory(command.directory)
        _execute(command.arguments, command.environment, only_own=False)

    tend(be_program, container, pod_sockets(command.environment))


def _descriptors(stdio: Stdio) -> tuple[int, int, int]:
    return stdio.stdin, stdio.stdout, stdio.stderr


def _renumbered(stdio: Stdio, given: Sequence[int]) -> Stdio:
    """The streams as a child has received them."""
    stdin, stdout, stderr = given
    return Stdio(stdin, stdout, stderr, stdio.is_terminal)


def _nowhere() -> Stdio:
    null = os.open(os.devnull, os.O_RDWR)
    return Stdio(null, null, null)


def _take(stdio: Stdio, credentials: ProcessCredentials) -> None:
    """Make these standard input, output and error, which the user can reopen by name (``/dev/stdout``)."""
    streams = 3 * (open_terminal(stdio.stdin),) if stdio.is_terminal else _descriptors(stdio)
    for place, fd in enumerate(streams):
        os.dup2(fd, place)
        hand_over(place, credentials)
    if stdio.is_terminal:
        become_controlled(0)


def _change_directory(path: str) -> None:
    try:
        os.chdir(path)
    except OSError as error:
        raise StartError(f"chdir to workingDir {path!r}: {error.strerror}") from error


def _execute(command: tuple[str, ...], environment: Mapping[str, str], *, only_own: bool) -> None:
    try:
        if not command[0]:
            raise FileNotFoundError
        if only_own:
            os.execvpe(command[0], command, environment)
        execute(command, environment)
    except FileNotFoundError as error:
        where = "" if "/" in command[0] else " in $PATH"
        raise StartError(f"exec: {command[0]!r}: executable file not found{where}") from error
    except OSError as error:
        raise StartError(f"exec: {command[0]!r}: {error.strerror}") from error


def _run_builtin(function: Callable[[], None], environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    child_process.started()
    function()
