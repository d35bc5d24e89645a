"""Keeps a program and all that it starts together, where there is no PID namespace to do so.

The tender is a process between the launcher and the program. It is the parent of the program's orphans, passes signals
on, and when the program ends, or what it belongs to does, ends everything that is left below it. It ends as the program
did. Nobody can hear of SIGKILL, so another signal stands for it.
"""

import os
import resource
import select
import signal
import socket
from collections.abc import Callable
from typing import NoReturn

from fairlead.drivers.linux.calls import set_child_subreaper, set_no_new_privileges, set_parent_death_signal
from fairlead.drivers.linux.child_process import ended_children, look_fresh
from fairlead.drivers.linux.open_files import let_go_of_all_but
from fairlead.drivers.linux.process_tree import end_descendants
from fairlead.drivers.pods.bare.socket_calls import SocketCalls, listen_for_calls, listener_from
from fairlead.nodeagent.loopback_sockets import PodSockets

END_ALL = int(signal.SIGRTMAX)  # stands for SIGKILL
_LEFT_ALONE = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}


def tend(body: Callable[[], None], owner: int, pod: PodSockets | None) -> None:
    """Run ``body`` in a child, and be its tender. What it raises is raised here, in the child.

    Args:
        owner: pidfd of a process with which everything ends.
        pod: how calls about sockets are answered; None: they are left alone.
    """
    set_child_subreaper()
    heard, told = os.pipe()
    for fd in (heard, told):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    for number in signal.valid_signals() - _LEFT_ALONE:
        signal.signal(number, _note)
    signal.signal(signal.SIGCHLD, _note)
    ours, theirs = socket.socketpair()
    program = os.fork()
    if program == 0:
        set_parent_death_signal(signal.SIGKILL)
        _forget_signals()
        os.setsid()
        ours.close()
        set_no_new_privileges()
        if pod is not None:
            listen_for_calls(theirs)
        theirs.close()
        body()
        os._exit(0)
    set_parent_death_signal(END_ALL)
    theirs.close()
    listener = listener_from(ours)
    calls = SocketCalls(listener, pod) if pod is not None and listener is not None else None
    let_go_of_all_but(heard, told, owner, *((listener,) if listener is not None else ()))
    _watch(program, heard, owner, calls)


def _note(number: int, frame: object) -> None:
    """The number is in the pipe by now."""


def _forget_signals() -> None:
    look_fresh()
    for number in signal.valid_signals() - _LEFT_ALONE:
        signal.signal(number, signal.SIG_DFL)


def _watch(program: int, heard: int, owner: int, calls: SocketCalls | None) -> NoReturn:
    poll = select.poll()
    for fd in (heard, owner, *((calls.listener,) if calls else ())):
        poll.register(fd, select.POLLIN)
    while True:
        found = poll.poll()
        ready = {fd for fd, event in found if event & select.POLLIN}
        if calls and calls.listener in ready:
            calls.answer()
        elif calls and any(fd == calls.listener for fd, _ in found):
            poll.unregister(calls.listener)  # nobody is left who could ask
            calls = None
        if owner in ready:
            _end_as(signal.SIGKILL)
        for number in os.read(heard, 512) if heard in ready else b"":
            if number == END_ALL:
                _end_as(signal.SIGKILL)
            if number == signal.SIGCHLD:
                _look_after(program)
            else:
                _pass_on(program, number)


def _look_after(program: int) -> None:
    """Collect who has ended, and end all when the program is among them."""
    for pid, status in ended_children():
        if pid == program:
            code = os.waitstatus_to_exitcode(status)
            if code < 0:
                _end_as(-code)
            end_descendants()
            os._exit(code)


def _pass_on(program: int, number: int) -> None:
    try:
        os.kill(program, number)
    except ProcessLookupError:  # SIGCHLD will tell
        return


def _end_as(number: int) -> NoReturn:
    """End everything below, and then by this signal, without a core file of the tender's own."""
    end_descendants()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in _LEFT_ALONE:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)
