"""Runs a command inside a lab: in the namespaces of a Pod's container, or of a node, with this terminal.

The kernel puts only children into a PID namespace, so there are three processes: the caller, which stays outside; one
that has joined the namespaces; and its child, the command. All stay in the caller's process group, so that Ctrl-C and
job control reach them as they would reach any command; the command's exit code is handed back.
"""

import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from fairlead.drivers.linux.calls import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    set_no_new_privileges,
    set_parent_death_signal,
    set_undumpable,
    setns,
)
from fairlead.drivers.linux.open_files import let_go_of_all_but
from fairlead.drivers.pods.emulation import answers
from fairlead.drivers.pods.privileges import become
from fairlead.drivers.pods.programs import execute
from fairlead.nodeagent.credentials import AS_ROOT, ProcessCredentials

if TYPE_CHECKING:
    from fairlead.drivers.pods.bare.socket_calls import SocketCalls
    from fairlead.nodeagent.loopback_sockets import PodSockets

_NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
_FORWARDED = (signal.SIGTERM, signal.SIGHUP)
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # exit codes of a shell


@dataclass(frozen=True)
class Place:
    """The place where a command runs.

    Attributes:
        process: pidfd of a process whose namespaces are joined.
        has_user_namespace: whether that includes a user namespace other than ours.
        network: descriptor of a network namespace to end up in, in place of that of ``process``.
        credentials: as whom a container's command runs; None keeps our user and its capabilities.
        variables: in a lab without namespaces, what tells a program where it is; nothing is joined then.
    """

    process: int
    has_user_namespace: bool
    network: int | None = None
    credentials: ProcessCredentials | None = AS_ROOT
    variables: Mapping[str, str] | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (self.process,) if self.network is None else (self.process, self.network)


@dataclass(frozen=True)
class EnteredCommand:
    """What is to run there; ``only_own``: the place has no programs but those of its image."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    only_own: bool = False


def run_inside(place: Place, command: EnteredCommand) -> int:
    """The exit code of the command, 128 + n when signal n ended it."""
    pid = os.fork()
    if pid == 0:
        _exit_with(_join if place.variables is None else _stay, place, command)
    return _wait(pid)


def _stay(place: Place, command: EnteredCommand) -> int:
    """Run it among this machine's processes, and answer its calls about sockets where it is to be as in a Pod."""
    from fairlead.drivers.pods.bare.told import pod_sockets  # only such a lab needs it

    environment = {**command.environment, **(place.variables or {})}
    command = replace(command, environment=environment)
    pod = pod_sockets(environment)
    return _execute(place, command) if pod is None else _run_answered(pod, place, command)


def _run_answered(pod: "PodSockets", place: Place, command: EnteredCommand) -> int:
    from fairlead.drivers.pods.bare.socket_calls import SocketCalls, listen_for_calls, listener_from

    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        set_no_new_privileges()
        listen_for_calls(theirs)
        _exit_with(_execute, place, command)
    theirs.close()
    listener = listener_from(ours)
    return _wait(pid, SocketCalls(listener, pod) if listener is not None else None)


def _exit_with(body: Callable[[Place, EnteredCommand], int], place: Place, command: EnteredCommand) -> NoReturn:
    """Run as a child: never return into the parent's code."""
    code = NOT_EXECUTABLE
    try:
        set_parent_death_signal(signal.SIGKILL)
        # The Pod's root may look at processes in its PID namespace: not at the caller's memory and environment, which
        # this one has until it has become the command, and not at other files that the caller has open.
        set_undumpable()
        let_go_of_all_but(*place.descriptors)
        code = body(place, command)
    except OSError as error:
        print(f"fairlead: {error}", file=sys.stderr)
    finally:
        os._exit(code)


def _join(place: Place, command: EnteredCommand) -> int:
    flags = _NAMESPACES | (CLONE_NEWUSER if place.has_user_namespace else 0)
    if place.credentials is not None:  # only Pods have one of their own, and a user may not join the machine's
        flags |= CLONE_NEWCGROUP
    setns(place.process, flags)
    if place.network is not None:
        setns(place.network, CLONE_NEWNET)
    pid = os.fork()
    if pid == 0:
        _exit_with(_execute, place, command)
    return _wait(pid)


def _execute(place: Place, command: EnteredCommand) -> int:
    if place.credentials is not None:
        emulation = answers.emulation_for(place.credentials, of_image=command.only_own)
        become(place.credentials)
        if emulation:
            emulation.begin()
    os.chdir(command.directory)
    program = command.arguments[0]
    try:
        if command.only_own:
            os.execvpe(program, command.arguments, command.environment)
        execute(command.arguments, command.environment)
    except FileNotFoundError:
        print(f"fairlead: {program}: command not found", file=sys.stderr)
        return NOT_FOUND


def _wait(pid: int, calls: "SocketCalls | None" = None) -> int:
    """Wait for a child that shares our terminal, which handles Ctrl-C itself; answer its calls while waiting."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGQUIT)}
    before |= {number: signal.signal(number, lambda received, _: os.kill(pid, received)) for number in _FORWARDED}
    try:
        if calls:
            _answer_until_end(calls, pid)
        _, status = os.waitpid(pid, 0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _answer_until_end(calls: "SocketCalls", pid: int) -> None:
    ended = os.pidfd_open(pid)
    poll = select.poll()
    for fd in (ended, calls.listener):
        poll.register(fd, select.POLLIN)
    while ended not in (ready := dict(poll.poll())):
        if ready[calls.listener] & select.POLLIN:
            calls.answer()
        else:
            break  # nobody is left who could ask
    os.close(ended)
