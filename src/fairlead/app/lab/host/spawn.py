"""How PID 1 of a lab comes to be: pipes, namespaces, two forks; and what can be wrong with this machine for it."""

import errno
import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

from fairlead.app.lab.fork import LabError, Pipe
from fairlead.app.lab.host_link import Doors, HostSockets
from fairlead.app.lab.init import main
from fairlead.app.lab.plan import LabPlan
from fairlead.drivers.linux import calls

INIT_LOG = "lab.log"

_NAMESPACES = calls.CLONE_NEWNS | calls.CLONE_NEWPID | calls.CLONE_NEWNET | calls.CLONE_NEWIPC | calls.CLONE_NEWUTS

_NO_USER_NAMESPACES = {
    errno.EPERM: (
        "this kernel does not let ordinary users make namespaces: have root set kernel.unprivileged_userns_clone=1 or "
        "kernel.apparmor_restrict_unprivileged_userns=0 (sysctl -w), whichever this system has; or run fairlead as root"
    ),
    errno.ENOSPC: (
        "the limit of user namespaces is reached: have root raise user.max_user_namespaces (sysctl -w); "
        "or run fairlead as root"
    ),
}


class Pipes:
    """The pipes between a lab and the process outside; see ``Doors`` for what each says."""

    def __init__(self) -> None:
        self.life, self.prepared, self.gate, self.reports = Pipe(), Pipe(), Pipe(), Pipe()

    def __enter__(self) -> "Pipes":
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self.life, self.prepared, self.gate, self.reports):
            pipe.close()

    def doors(self, sockets: HostSockets, user_namespace: bool) -> Doors:
        """The lab's ends, in a forked child; closes the others."""
        for pipe in (self.life, self.prepared, self.gate):
            pipe.close_writer()
        self.reports.close_reader()
        return Doors(
            self.life.reader, self.prepared.reader, self.gate.reader, self.reports.writer, sockets, user_namespace
        )


class Init(NamedTuple):
    """PID 1 of a lab, as this process sees it."""

    pid: int
    pidfd: int


def start_init(plan: LabPlan, pipes: Pipes, sockets: HostSockets) -> Init:
    """Fork PID 1 of the lab into its namespaces.

    Raises:
        LabError: this machine does not allow it.
    """
    # A process cannot enter a new PID namespace itself, only its children do: the one in between ends at once, and its
    # child becomes ours.
    calls.set_child_subreaper()
    birth = Pipe()
    between = os.fork()
    if between == 0:
        _give_birth(plan, pipes, sockets, birth)
    birth.close_writer()
    with os.fdopen(birth.reader) as reader:
        pid, _, error = reader.read().partition(" ")
    os.waitpid(between, 0)
    if error:
        raise LabError(error)
    pipes.reports.close_writer()
    return Init(int(pid), os.pidfd_open(int(pid)))


def _give_birth(plan: LabPlan, pipes: Pipes, sockets: HostSockets, birth: Pipe) -> NoReturn:
    message = "0 the process that starts the lab has failed"
    try:
        os.setsid()  # Ctrl-C is for the process outside alone
        user_namespace = os.geteuid() != 0
        _enter_namespaces(user_namespace)
        pid = os.fork()
        if pid == 0:
            birth.close()
            _be_init(plan, pipes, sockets, user_namespace)
        message = str(pid)
    except LabError as error:
        message = f"0 {error}"
    finally:
        os.write(birth.writer, message.encode())
        os._exit(0)


def _enter_namespaces(user_namespace: bool) -> None:
    uid, gid = os.geteuid(), os.getegid()
    try:
        calls.unshare(_NAMESPACES | (calls.CLONE_NEWUSER if user_namespace else 0))
    except OSError as error:
        if user_namespace and error.errno in _NO_USER_NAMESPACES:
            raise LabError(_NO_USER_NAMESPACES[error.errno]) from error
        raise LabError(f"cannot make namespaces: {error.strerror}; root needs the capability CAP_SYS_ADMIN") from error
    if user_namespace:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
        calls.set_dumpable()


def _be_init(plan: LabPlan, pipes: Pipes, sockets: HostSockets, user_namespace: bool) -> NoReturn:
    doors = pipes.doors(sockets, user_namespace)
    log = os.open(plan.logs / INIT_LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for fd, place in ((null, 0), (log, 1), (log, 2)):
        os.dup2(fd, place)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)  # which PID 1 of a namespace ignores
    signal.set_wakeup_fd(-1)
    try:
        main.main(plan, doors)
    except BaseException as error:
        traceback.print_exc(file=sys.stderr)
        doors.report({"fatal": f"the lab could not be started: {error}"})
    finally:
        os._exit(1)


@contextmanager
def interrupts() -> Iterator[socket.socket]:
    """A socket that becomes readable when SIGINT or SIGTERM arrives, instead of what they did before."""
    reader, writer = socket.socketpair()
    for end in (reader, writer):
        end.setblocking(False)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()
