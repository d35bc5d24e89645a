"""The launcher itself: forks what the agent requests, reports which children have ended, and ends with the agent."""

import os
import pickle
import select
import signal
import socket
import sys
import traceback
from typing import NoReturn

from fairlead.drivers.linux.child_process import (
    StartError,
    be_child,
    ended_children,
    fork,
    fork_into_namespace,
    look_fresh,
    tell,
)
from fairlead.drivers.linux.open_files import let_go_of_all_but
from fairlead.drivers.pods.launching.birth_record import BirthRegistrar
from fairlead.drivers.pods.launching.messages import END, FORK, KEEP, PID, receive


def serve(requests: socket.socket, ends: int, *, has_namespaces: bool = True) -> NoReturn:
    """Run as the launcher: fork requested processes and report ended ones, until the agent ends.

    Args:
        has_namespaces: whether children are put into PID namespaces.
    """
    try:
        look_fresh()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # the agent may have given up the start that is reported
        let_go_of_all_but(requests.fileno(), ends)
        signalled = _child_signals()
        poll = select.poll()
        for fd in (requests.fileno(), signalled):
            poll.register(fd, select.POLLIN)
        requests.sendall(PID.pack(os.getpid()))
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if signalled in ready:
                os.read(signalled, 4096)
                _reap(ends)
            if requests.fileno() in ready:
                _fork(requests, has_namespaces=has_namespaces)
    except (ConnectionError, EOFError):
        pass  # the agent has gone
    except BaseException:
        traceback.print_exc(file=sys.stderr)
        sys.stderr.flush()
    finally:
        os._exit(0)


def _child_signals() -> int:
    """A pipe from which something can be read when a child has ended."""
    signalled, wakeup = os.pipe()
    for fd in (signalled, wakeup):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return signalled


def _reap(ends: int) -> None:
    for pid, status in ended_children():
        os.write(ends, END.pack(pid, status))


def _fork(requests: socket.socket, *, has_namespaces: bool) -> None:
    """Take one request and answer it."""
    message, (report, spec, *descriptors) = receive(requests, len(FORK))
    registrar = BirthRegistrar(descriptors.pop(0)) if message == KEEP else None
    try:
        pid = fork_into_namespace(descriptors[0] if descriptors else None) if has_namespaces else fork()
    except StartError as error:
        tell(report, str(error))
        requests.sendall(PID.pack(0))
    else:
        if pid == 0:
            requests.detach()
            let_go_of_all_but(report, spec, *descriptors, *(registrar.of_child if registrar else ()))
            be_child(lambda: _be_born(spec, registrar, descriptors), report)
        if registrar:
            _confirm(registrar, pid, report)
        pidfd = os.pidfd_open(pid)
        socket.send_fds(requests, [PID.pack(pid)], [pidfd])
        os.close(pidfd)
    finally:
        if registrar:
            registrar.close()
        for fd in (report, spec, *descriptors):
            os.close(fd)


def _confirm(registrar: BirthRegistrar, pid: int, report: int) -> None:
    try:
        registrar.confirm(pid)
    except OSError as error:  # a full disk: the child ends by itself, and this is why
        tell(report, f"cannot record process {pid}: {error}")


def _be_born(spec: int, registrar: BirthRegistrar | None, descriptors: list[int]) -> None:
    """Do, in the child, what the agent has written down for it."""
    with open(spec, "rb") as file:
        body, what = pickle.load(file)  # noqa: S301 - nobody else can write to it
    body(what, *((registrar.outlive,) if registrar else ()), *descriptors)
