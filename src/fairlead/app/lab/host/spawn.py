"""Starts PID 1 of a lab: pipes, namespaces and two forks; and reports why this machine refuses that."""

import os
import pickle
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

from fairlead.app.lab.fork import LabError, NamespacesRefused, Pipe, in_child, read_from_child
from fairlead.app.lab.host.refused_namespaces import SYSCTLS, MachineFacts, why_refused
from fairlead.app.lab.host_link import NO_NAMESPACES, HostSockets, LabStart
from fairlead.app.lab.plan import LabPlan
from fairlead.drivers.linux import calls, fresh_python
from fairlead.drivers.linux.id_range import IdRange, map_users
from fairlead.drivers.linux.namespace_facts import namespace_facts

INIT_LOG = "lab.log"
ENTRY = "fairlead.app.lab.init.entry"  # by its name: nothing of it is needed in this process

_REFUSED = "refused"  # in place of a process number
_NAMESPACES = calls.CLONE_NEWNS | calls.CLONE_NEWPID | calls.CLONE_NEWNET | calls.CLONE_NEWIPC | calls.CLONE_NEWUTS


class Pipes:
    """The pipes between a lab and the host process; ``Doors`` describes each one."""

    def __init__(self) -> None:
        self.life, self.prepared, self.gate, self.reports = Pipe(), Pipe(), Pipe(), Pipe()

    def __enter__(self) -> "Pipes":
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self.life, self.prepared, self.gate, self.reports):
            pipe.close()

    @property
    def of_lab(self) -> tuple[int, int, int, int]:
        """The lab's ends, in the order of ``LabStart.pipes``."""
        return self.life.reader, self.prepared.reader, self.gate.reader, self.reports.writer


class Init(NamedTuple):
    """PID 1 of a lab, as this process sees it."""

    pid: int
    pidfd: int


def start_init(plan: LabPlan, pipes: Pipes, sockets: HostSockets, locks: tuple[int, ...]) -> Init:
    """Start PID 1 of the lab in its namespaces, or a process in its place where the lab has none.

    Args:
        locks: descriptors that say by being open that the lab lives.

    Raises:
        NamespacesRefused: this machine does not allow them. LabError: it cannot be started for another reason.
    """
    # A process cannot enter a new PID namespace itself, only its children do: the one in between ends at once, and its
    # child becomes ours.
    calls.set_child_subreaper()
    birth = Pipe()
    has_namespaces = plan.loopback is None
    ids = plan.images.ownership.range if plan.images and has_namespaces else None
    mapping = _Mapping(Pipe(), Pipe()) if ids else None
    between = os.fork()
    if between == 0:
        api, wire = (each.fileno() if each else None for each in sockets)
        _give_birth(
            LabStart(plan, pipes.of_lab, api, wire, locks, has_namespaces and os.geteuid() != 0), birth, mapping
        )
    birth.close_writer()
    if ids and mapping:
        _give_users(between, ids, mapping)
    message = read_from_child(birth.reader, between, "the process that starts the lab")
    number, _, error = message.partition(" ")
    if number == _REFUSED:
        raise NamespacesRefused(error)
    if error or not number:
        raise LabError(error or "the process that starts the lab was killed")
    pipes.reports.close_writer()
    return Init(int(number), os.pidfd_open(int(number)))


def why_no_namespaces() -> str:
    """Why this machine refuses a lab's namespaces; empty where it does not. It is tried out in a process that ends."""
    try:
        in_child(lambda: _enter_namespaces(os.geteuid() != 0, None))
    except LabError as error:
        return str(error).removeprefix(f"{NamespacesRefused.__name__}: ")
    return ""


class _Mapping(NamedTuple):
    """Pipes by which a process has another one map its users, which only another one may do, and gets the result."""

    wanted: Pipe
    given: Pipe


def _give_users(pid: int, ids: IdRange, mapping: _Mapping) -> None:
    """Raises:
    LabError: that is refused.
    """
    mapping.wanted.close_writer()
    mapping.given.close_reader()
    try:
        if os.read(mapping.wanted.reader, 1):
            map_users(pid, ids)
            os.write(mapping.given.writer, b"1")
    except OSError as error:
        raise LabError(f"the lab cannot use the users that /etc/subuid grants: {error}") from error
    finally:
        mapping.wanted.close()
        mapping.given.close()


def _give_birth(start: LabStart, birth: Pipe, mapping: _Mapping | None) -> NoReturn:
    message = "0 the process that starts the lab has failed"
    try:
        os.setsid()  # Ctrl-C is for the host process alone
        if start.plan.loopback is None:
            _enter_namespaces(start.user_namespace, mapping)
        pid = os.fork()
        if pid == 0:
            _be_init(start)
        message = str(pid)
    except LabError as error:
        message = f"{_REFUSED if isinstance(error, NamespacesRefused) else 0} {error}"
    finally:
        os.write(birth.writer, message.encode())
        os._exit(0)


def _enter_namespaces(user_namespace: bool, mapping: _Mapping | None) -> None:
    uid, gid = os.geteuid(), os.getegid()
    facts = MachineFacts(*namespace_facts(SYSCTLS))  # of this process as it is now
    try:
        calls.unshare(_NAMESPACES | (calls.CLONE_NEWUSER if user_namespace else 0))
        if user_namespace and mapping is None:
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
        if user_namespace:
            calls.set_dumpable()
    except OSError as error:
        raise NamespacesRefused(f"cannot make namespaces: {why_refused(error.errno or 0, facts)}") from error
    if mapping is None:
        return
    mapping.given.close_writer()
    os.write(mapping.wanted.writer, b"1")
    if not os.read(mapping.given.reader, 1):
        os._exit(1)  # the host process says why
    os.setgid(0)
    os.setuid(0)


def _be_init(start: LabStart) -> NoReturn:
    """Become PID 1. It gets its input in a file in memory, because every user can read its arguments."""
    try:
        log = os.open(start.plan.logs / INIT_LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for fd, place in ((null, 0), (log, 1), (log, 2)):
            os.dup2(fd, place)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # which PID 1 of a namespace ignores
        told = os.memfd_create("start", os.MFD_CLOEXEC)
        with open(told, "wb", closefd=False) as file:
            pickle.dump(start, file)
        os.lseek(told, 0, os.SEEK_SET)
        kind = NO_NAMESPACES if start.plan.loopback is not None else ""
        fresh_python.execute(ENTRY, [start.plan.name, str(told), kind], [told, *start.descriptors])
    except BaseException:
        traceback.print_exc(file=sys.stderr)
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
