"""Forks Pods' processes for a node agent, from a small quiet process of its own.

After a fork, parent and child share their memory until one of them writes to it, and each page that the parent writes
to must be copied first. A busy agent that forked by itself would copy most of its own memory for every process that it
starts (7 MiB and 20 ms each), and every built-in image would keep a copy of what the agent had at that moment: its key,
other Pods' Secrets. The launcher (``launcher_process``) comes from the ``nursery``, which has none of these, and writes
to little, so its children share nearly everything, with it and with each other.

The launcher ends with the agent, and what it has forked dies with the launcher, except children with a record
(``birth_record``): sandboxes and containers go on, and the next agent finds them. What a child is to do
crosses as a pickle in a file in memory, which only the agent can write, and only the child itself reads: the launcher
would keep traces of it for the next child. Descriptors cross beside it.
"""

import asyncio
import os
import pickle
import signal
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fairlead.drivers.linux import netns
from fairlead.drivers.linux.child_process import StartError
from fairlead.drivers.pods.launching.birth_record import open_record
from fairlead.drivers.pods.launching.messages import END, FORK, KEEP, NICENESS, PID, receive

PATIENCE = 30.0  # seconds; a nursery may have to be started again first
_NONE_COMES = "no process that forks for the node agent could be started"
_GONE = "the process that forks for the node agent has gone"


@dataclass(frozen=True)
class Birth:
    """The process to start.

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
        self.pid = _receive_pid(ours)
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
                message = KEEP if record else FORK
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
                data, descriptors = receive(self._requests, PID.size)
            except BlockingIOError:
                continue
            return PID.unpack(data)[0], descriptors

    def _take_ends(self) -> None:
        data = os.read(self._ends, 512 * END.size)
        if not data:
            asyncio.get_running_loop().remove_reader(self._ends)
            self._gone.set_exception(StartError(_GONE))
        for pid, status in END.iter_unpack(data):
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


def _receive_pid(requests: socket.socket) -> int:
    """The pid of a launcher that begins to serve."""
    requests.settimeout(PATIENCE)
    try:
        return int(PID.unpack(requests.recv(PID.size))[0])
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
