"""A forked child between fork and exec: joins a PID namespace, looks freshly started, reports what fails; and its end.

Pods' processes are forked rather than spawned: what becomes one must join namespaces and give up capabilities between
fork and exec, and the built-in images do not exec at all.
"""

import gc
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import NoReturn

from fairlead.drivers.linux.calls import CLONE_NEWPID, set_parent_death_signal, setns, unshare
from fairlead.drivers.linux.open_files import use_nothing
from fairlead.drivers.linux.process_identity import ProcessIdentity, identity_of

Body = Callable[[], None]


class StartError(Exception):
    """A child could not do what it was forked for; the message says what it tried and why it failed."""


def started() -> None:
    """Called in a child that will not exec: let go of everything inherited and report that it runs."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def fork() -> int:
    """``os.fork``; raises StartError where there is no room for another process."""
    try:
        return os.fork()
    except OSError as error:
        raise StartError(f"cannot fork: {error}") from error


def fork_into_namespace(pid_namespace_of: int | None) -> int:
    """``os.fork`` into the PID namespace of a process (its pidfd); None makes a new one.

    Raises:
        StartError: it cannot be joined, or there is no room for another process.
    """
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


def be_child(body: Body, report: int) -> NoReturn:
    """Run ``body``, which must end in ``exec`` or call ``started``; what it raises is told through the pipe."""
    try:
        _die_with_parent(report)
        look_fresh()
        gc.enable()
        os.setsid()
        use_nothing()  # what it inherited leads to the log of its parent
        body()
        os._exit(0)
    except (OSError, StartError) as error:
        tell(report, str(error))
    except BaseException:
        tell(report, traceback.format_exc(limit=-1))
    os._exit(128)


def look_fresh() -> None:
    """Forget the event loop and the signal handlers that were inherited."""
    if asyncio := sys.modules.get("asyncio"):  # a process that never had one need not import it
        asyncio._set_running_loop(None)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def tell(report: int, message: str) -> None:
    """Write what went wrong to a pipe, if there still is one: a body that has let go of it did start."""
    try:
        os.write(report, message.encode())
    except OSError:
        return


def _die_with_parent(report: int) -> None:
    set_parent_death_signal(signal.SIGKILL)
    poll = select.poll()
    poll.register(report, 0)
    if poll.poll(0):  # POLLERR: nobody reads the report any more, so the parent has died already
        os._exit(128)


def collect_identified() -> Iterator[tuple[ProcessIdentity | None, int, int]]:
    """As ``ended_children``, with which process each one was; None when the kernel did not tell any more."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None:
            return
        identity = identity_of(ended.si_pid)
        pid, status = os.waitpid(ended.si_pid, 0)
        yield identity, pid, status


def ended_children() -> Iterator[tuple[int, int]]:
    """Collect each child of the caller that has ended by now: its pid, and its status as of waitpid(2)."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status
