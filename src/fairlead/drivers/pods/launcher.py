"""Forks Pods' processes for a node agent, from a small quiet process of its own.

After a fork, parent and child share their memory until one of them writes to it, and each page that the parent writes
to must be copied first. A busy agent that forked by itself would copy most of its own memory for every process that it
starts (7 MiB and 20 ms each), and every built-in image would keep a copy of what the agent had at that moment: its key,
other Pods' Secrets. The launcher comes from the ``nursery``, which has none of these, and writes to little, so its
children share nearly everything, with it and with each other.

The launcher ends with the agent, and what it has forked dies with the launcher, but for what has a record
(``birth_record``): sandboxes and containers go on, and the next agent finds them. What a child is to do
crosses as a pickle in a file in memory, which only the agent can write, and only the child itself reads: the launcher
would keep traces of it for the next child. Descriptors cross beside it.
"""

import asyncio
import os
import pickle
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from fairlead.drivers.linux import netns
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
from fairlead.drivers.pods.birth_record import BirthRegistrar, open_record

NICENESS = struct.Struct("=i")  # the message that asks for a launcher, beside it
DESCRIPTORS = 3  # its requests, its ends, and its network namespace if it has one
_FORK, _KEEP = b"fork", b"keep"  # requests; the child of a _KEEP has a record
_PID = struct.Struct("=i")
_END = struct.Struct("=ii")  # pid, and status as of waitpid(2)
MAX_DESCRIPTORS = 8
PATIENCE = 30.0  # seconds; a nursery may have to be started again first
_NONE_COMES = "no process that forks for the node agent could be started"
_GONE = "the process that forks for the node agent has gone"


@dataclass(frozen=True)
class Birth:
    """What a child is to be.

    Attributes:
        body: a function of a module, called in the child with ``spec`` and the descriptors, as they are numbered there;
            it must end in ``exec`` or call ``started``.
        spec: anything that can be pickled.
        descriptors: what the child is given. The first is the pidfd of a process whose PID namespace it joins; if there
            is none, it gets a new one.
        record: path of the record of a child that outlives the launcher. Its body gets one more argument after
            ``spec``, to be called as the last thing before it is what it is to be.
        kill_number: the signal that ends it and everything in it at once.
    """

    body: Callable[..., None]
    spec: Any
    descriptors: tuple[int, ...] = ()
    record: str = ""
    kill_number: int = signal.SIGKILL


class Child:
    """A running child.

    Attributes:
        pid: in the PID namespace of the agent.
        pidfd: stays open until the child has ended.
        ended: the exit code, negative for a signal; set as soon as the kernel knows.
        launcher: where it comes from.
    """

    def __init__(self, pid: int, pidfd: int, launcher: "Launcher", kill_number: int = signal.SIGKILL) -> None:
        """Args:
        kill_number: the signal that ends it and everything in it at once.
        """
        self.pid, self.pidfd, self.launcher, self._kill_number = pid, pidfd, launcher, kill_number
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.collecting: asyncio.Future[None] | None = None

    def signal(self, number: int) -> None:
        """Send a signal, or nothing if the child has ended."""
        if not self.ended.done():
            try:
                signal.pidfd_send_signal(self.pidfd, self._kill_number if number == signal.SIGKILL else number)
            except ProcessLookupError:  # it has ended, and the launcher has not told yet
                return

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    def end(self, status: int) -> None:
        os.close(self.pidfd)
        self.ended.set_result(os.waitstatus_to_exitcode(status))


class Launcher:
    """The agent's side of a launcher, which works in the caller's network namespace; ``run`` must be kept running.

    Args:
        nursery: where it is to come from.
        has_namespaces: whether Pods have namespaces of their own. Else nothing outlives the launcher.

    Raises:
        StartError: none comes.
    """

    def __init__(self, nursery: socket.socket, *, has_namespaces: bool = True) -> None:
        self.has_namespaces = has_namespaces
        ours, theirs = socket.socketpair()
        ends_reader, ends_writer = os.pipe()
        _ask_for_launcher(nursery, theirs.fileno(), ends_writer, has_namespaces=has_namespaces)
        theirs.close()
        os.close(ends_writer)
        self.pid = _told_pid(ours)
        ours.setblocking(False)
        os.set_blocking(ends_reader, False)
        self._requests, self._ends = ours, ends_reader
        self._turn = asyncio.Lock()
        self._children: dict[int, Child] = {}
        self._unclaimed: dict[int, int] = {}  # ended before their request was answered
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(ends_reader, self._take_ends)

    async def run(self) -> None:
        """Until cancelled.

        Raises:
            StartError: the launcher has gone, and all its children with it.
        """
        try:
            await self._gone
        finally:
            asyncio.get_running_loop().remove_reader(self._ends)
            os.close(self._ends)
            self._requests.close()  # which ends it

    async def start(self, birth: Birth) -> Child:
        """A child whose body runs.

        Raises:
            StartError: the body raised instead, or nothing could be forked; nothing is left of it.
        """
        reading, writing = os.pipe()
        # Copies, because a caller that is cancelled closes its own before they may have been sent.
        given = [writing, *map(os.dup, birth.descriptors)]
        asking = asyncio.ensure_future(self._ask(birth, given))
        try:
            child = await asyncio.shield(asking)
            report = await _read_all(reading)
        except asyncio.CancelledError:
            asking.add_done_callback(_kill)
            raise
        finally:
            os.close(reading)
        if child and report:
            await child.wait()
        if child is None or report:
            raise StartError(report)
        return child

    async def _ask(self, birth: Birth, given: list[int]) -> Child | None:
        """The child; None when there is none, and the report says why.

        Args:
            given: the descriptor of the report, and those of the birth; they are closed.
        """
        spec = _in_memory(pickle.dumps((birth.body, birth.spec)))
        record: tuple[int, ...] = ()
        try:
            record = (open_record(birth.record),) if birth.record else ()
            async with self._turn:
                report, *others = given
                message = _KEEP if record else _FORK
                socket.send_fds(self._requests, [message], [report, spec, *record, *others])
                pid, descriptors = await self._answer()
        except (OSError, EOFError) as error:
            raise StartError(_GONE) from error
        finally:
            for fd in (spec, *record, *given):
                os.close(fd)
        if pid == 0:
            return None
        kill_number = birth.kill_number
        child = self._children[pid] = Child(pid, descriptors[0], self, kill_number)
        if pid in self._unclaimed:
            self._end(pid, self._unclaimed.pop(pid))
        return child

    async def _answer(self) -> tuple[int, list[int]]:
        while True:
            await _readable(self._requests.fileno())
            try:
                data, descriptors = _receive(self._requests, _PID.size)
            except BlockingIOError:
                continue
            return _PID.unpack(data)[0], descriptors

    def _take_ends(self) -> None:
        data = os.read(self._ends, 512 * _END.size)
        if not data:
            asyncio.get_running_loop().remove_reader(self._ends)
            self._gone.set_exception(StartError(_GONE))
        for pid, status in _END.iter_unpack(data):
            if pid in self._children:
                self._end(pid, status)
            else:
                self._unclaimed[pid] = status

    def _end(self, pid: int, status: int) -> None:
        self._children.pop(pid).end(status)


def _ask_for_launcher(nursery: socket.socket, requests: int, ends: int, *, has_namespaces: bool) -> None:
    network = [netns.current_namespace()] if has_namespaces else []
    try:
        socket.send_fds(nursery, [NICENESS.pack(os.nice(0))], [requests, ends, *network])
    except OSError as error:
        raise StartError(_NONE_COMES) from error
    finally:
        for fd in network:
            os.close(fd)


def _told_pid(requests: socket.socket) -> int:
    """The pid of a launcher that begins to serve."""
    requests.settimeout(PATIENCE)
    try:
        return int(_PID.unpack(requests.recv(_PID.size))[0])
    except (OSError, struct.error) as error:
        raise StartError(_NONE_COMES) from error


def _in_memory(content: bytes) -> int:
    """A file that has no name and holds this, to be read from its beginning."""
    fd = os.memfd_create("spec", os.MFD_CLOEXEC)
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _kill(asking: "asyncio.Future[Child | None]") -> None:
    """End a child that nobody waits for any more."""
    if not asking.cancelled() and not asking.exception() and (child := asking.result()):
        child.signal(signal.SIGKILL)


def _receive(requests: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """Octets and descriptors; no exec is to inherit those, which Python leaves to its callers.

    Raises:
        EOFError: the other side has gone.
    """
    data, descriptors, _, _ = socket.recv_fds(requests, size, MAX_DESCRIPTORS)
    if not data:
        raise EOFError
    for fd in descriptors:
        os.set_inheritable(fd, False)
    return data, descriptors


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(fd)


async def _read_all(fd: int) -> str:
    """Everything written to a pipe until its last writer has closed it."""
    os.set_blocking(fd, False)
    text = bytearray()
    while True:
        await _readable(fd)
        piece = os.read(fd, 65536)
        if not piece:
            return text.decode(errors="replace")
        text += piece


def serve(requests: socket.socket, ends: int, *, has_namespaces: bool = True) -> NoReturn:
    """Be the launcher: fork what is asked for, tell who has ended, until the agent has gone.

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
        requests.sendall(_PID.pack(os.getpid()))
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
        os.write(ends, _END.pack(pid, status))


def _fork(requests: socket.socket, *, has_namespaces: bool) -> None:
    """Take one request and answer it."""
    message, (report, spec, *descriptors) = _receive(requests, len(_FORK))
    registrar = BirthRegistrar(descriptors.pop(0)) if message == _KEEP else None
    try:
        pid = fork_into_namespace(descriptors[0] if descriptors else None) if has_namespaces else fork()
    except StartError as error:
        tell(report, str(error))
        requests.sendall(_PID.pack(0))
    else:
        if pid == 0:
            requests.detach()
            let_go_of_all_but(report, spec, *descriptors, *(registrar.of_child if registrar else ()))
            be_child(lambda: _be_born(spec, registrar, descriptors), report)
        if registrar:
            _confirm(registrar, pid, report)
        pidfd = os.pidfd_open(pid)
        socket.send_fds(requests, [_PID.pack(pid)], [pidfd])
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
