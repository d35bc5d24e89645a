"""Forked children of an asynchronous process: told of their end at once, and never left as zombies.

The node agent forks rather than spawns: what becomes a Pod's process must join namespaces and give up capabilities
between fork and exec, and the built-in images do not exec at all. A child must never touch the event loop that it
inherited; ``fork`` sees to that.
"""

import asyncio
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from fairlead.drivers.linux_calls import CLONE_NEWPID, set_parent_death_signal, setns, unshare

Body = Callable[[], None]


class StartError(Exception):
    """A child could not do what it was forked for; the message says what it tried and why it failed."""


class Child:
    """A running child.

    Attributes:
        pid: in the PID namespace of the parent.
        pidfd: stays valid until the child has been reaped.
        ended: the exit code, negative for a signal; set as soon as the kernel knows.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(self.pidfd, self._reap)

    def signal(self, number: int) -> None:
        """Send a signal, or nothing if the child has ended."""
        if not self.ended.done():
            signal.pidfd_send_signal(self.pidfd, number)

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    def _reap(self) -> None:
        self._loop.remove_reader(self.pidfd)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        self.ended.set_result(os.waitstatus_to_exitcode(status))


async def start(body: Body, pid_namespace_of: int | None = None) -> Child:
    """Fork a child into a PID namespace (that of a process, by its pidfd; None makes a new one) and have it run
    ``body``, which must end in ``exec`` or call ``started``.

    Raises:
        StartError: ``body`` raised instead; the child has gone.
    """
    reading, writing = os.pipe()
    try:
        pid = _fork_into_namespace(pid_namespace_of)
        if pid == 0:
            _run(body, writing)
    finally:
        os.close(writing)
    child = Child(pid)
    try:
        report = await _read_all(reading)
    except asyncio.CancelledError:
        child.signal(signal.SIGKILL)
        raise
    if report:
        await child.wait()
        raise StartError(report)
    return child


def started() -> None:
    """Called in a child that will not exec: let go of everything inherited and report that it runs."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def _fork_into_namespace(pid_namespace_of: int | None) -> int:
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if pid_namespace_of is None:
            unshare(CLONE_NEWPID)
        else:
            setns(pid_namespace_of, CLONE_NEWPID)
        pid = -1
        try:
            pid = os.fork()
        finally:
            if pid != 0:  # only later children of the parent are to be in the parent's own namespace again
                setns(own, CLONE_NEWPID)
    except OSError as error:
        raise StartError(f"cannot fork: {error}") from error
    finally:
        os.close(own)
    return pid


def _run(body: Body, report: int) -> NoReturn:
    try:
        _forget_parent(report)
        body()
        os._exit(0)
    except (OSError, StartError) as error:
        _tell(report, str(error))
    except BaseException:
        traceback.print_exc(file=sys.stderr)
        _tell(report, traceback.format_exc(limit=-1))
    os._exit(128)


def _tell(report: int, message: str) -> None:
    try:
        os.write(report, message.encode())
    except OSError:  # the body had let go of the pipe already: it did start
        return


def _forget_parent(report: int) -> None:
    """Make this process look freshly started (no loop, no signal handlers, a session of its own), but have it die with
    its parent, which may even have died by now."""
    set_parent_death_signal(signal.SIGKILL)
    poll = select.poll()
    poll.register(report, 0)
    if poll.poll(0):  # POLLERR: nobody reads the report any more
        os._exit(128)
    asyncio._set_running_loop(None)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()


async def _read_all(fd: int) -> str:
    """Everything written to a pipe until its last writer has closed it; closes the reading end."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb"))
    try:
        return (await reader.read()).decode(errors="replace")
    finally:
        transport.close()
