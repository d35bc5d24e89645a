"""The process that answers calls about users, beside a container: for as long as anything of that runs."""

import errno
import os
import select
import socket
import struct
from contextlib import suppress
from typing import NoReturn

from fairlead.drivers.linux import seccomp
from fairlead.drivers.linux.calls import limit_capabilities, name_process, set_no_new_privileges
from fairlead.drivers.linux.open_files import let_go_of_all_but, use_nothing
from fairlead.drivers.pods.emulation import file_status
from fairlead.drivers.pods.emulation.kept_users import KeptUsers
from fairlead.drivers.pods.privileges import CONTAINER_CAPABILITIES, is_mapped
from fairlead.drivers.pods.process_memory import ProcessMemory
from fairlead.nodeagent import emulated_users as emulated
from fairlead.nodeagent.credentials import ROOT, ProcessCredentials

_SYS_PTRACE = 19  # to see the memory of processes; no container has it, so none sees ours
_OWN = frozenset({"getresuid", "getresgid", "getgroups", "setgroups"})
_FILTERED = emulated.CALLS | emulated.PASSED_ON | _OWN | file_status.CALLS | file_status.OWNER_CALLS
_NUMBER = struct.Struct("=I")  # of a user or group


class Emulation:
    """The side of the container's process, between fork and exec.

    Begins a process that answers, in the namespaces and the root folder of the caller; it needs more capabilities than
    the caller will have.
    """

    def __init__(self, credentials: ProcessCredentials) -> None:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            if os.fork() == 0:  # an orphan, so that the container's own process does not find a child that it never had
                _serve(theirs, credentials)
            os._exit(0)
        os.waitpid(pid, 0)
        theirs.close()
        self._connection = ours

    def begin(self) -> None:
        """Have the calls of this process, and of all that it starts, be answered; it has no more privileges to gain."""
        machine = seccomp.this_machine()
        assert machine
        numbers = [number for name, number in machine.calls.items() if name in _FILTERED]
        with self._connection, suppress(OSError):  # a kernel that refuses leaves us with a process that is root alone
            seccomp.listen_for(self._connection, machine, numbers)


def emulation_for(credentials: ProcessCredentials, *, of_image: bool) -> Emulation | None:
    """Answers system calls about users, so that a process can change its user where the kernel knows only one user."""
    if not of_image or credentials.uid != ROOT or is_mapped("uid", 1) or seccomp.this_machine() is None:
        return None
    return Emulation(credentials)


def _serve(connection: socket.socket, credentials: ProcessCredentials) -> NoReturn:
    try:
        let_go_of_all_but(connection.fileno())
        use_nothing()
        os.setsid()
        os.chdir("/")
        name_process("fairlead-users")
        limit_capabilities(CONTAINER_CAPABILITIES | {_SYS_PTRACE})
        set_no_new_privileges()
        _, (listener,), _, _ = socket.recv_fds(connection, 1, 1)
        connection.close()
        CallAnswers(listener, credentials).run()
    finally:
        os._exit(0)


class CallAnswers:
    """Answers calls.

    Args:
        listener: where they are asked.
        credentials: who a process of the container is at first.
    """

    def __init__(self, listener: int, credentials: ProcessCredentials) -> None:
        machine = seccomp.this_machine()
        assert machine
        self._machine, self._listener = machine, listener
        self._names = {number: name for name, number in machine.calls.items()}
        gid = credentials.gid
        first = emulated.Users(gids=emulated.Ids(gid, gid, gid), groups=credentials.groups)
        self._kept = KeptUsers(first)

    def run(self) -> None:
        """Until nobody is left who could ask."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        while True:
            ((_, event),) = poll.poll()
            if not event & select.POLLIN:
                return
            question = seccomp.next_question(self._listener)
            if question:
                self._answer(question)

    def _answer(self, question: seccomp.WaitingCall) -> None:
        """In any unexpected case, the kernel executes the call: the container's process must not wait indefinitely."""
        try:
            outcome = self._outcome(self._names[question.number], question)
        except Exception:
            outcome = None
        if outcome is None:
            seccomp.let_go_on(self._listener, question)
        else:
            seccomp.answer(self._listener, question, outcome.value, outcome.error)

    def _outcome(self, name: str, question: seccomp.WaitingCall) -> emulated.CallOutcome | None:
        """None: the kernel is to go on."""
        users = self._kept.of(question.thread)
        if name in emulated.CALLS:
            return self._keep(question, users, emulated.call(name, question.arguments, users))
        if name in emulated.PASSED_ON:
            after = emulated.CallOutcome(emulated.passed_on(name, question.arguments, users))
            self._keep(question, users, after)
            return None
        if name in file_status.CALLS and users.is_root:
            return None  # what it is told is true
        with ProcessMemory(self._listener, question) as memory:
            if name in file_status.CALLS:
                file_status.write_status(self._machine, name, question, memory, users)
                return emulated.CallOutcome(users)
            if name in file_status.OWNER_CALLS:
                uid, gid = file_status.owner_wanted(name, question, memory)
                return emulated.CallOutcome(users, error=emulated.change_owner(uid, gid, users))
            return self._keep(question, users, _with_memory(name, question.arguments, memory, users))

    def _keep(
        self, question: seccomp.WaitingCall, before: emulated.Users, outcome: emulated.CallOutcome
    ) -> emulated.CallOutcome:
        if outcome.users != before:
            self._kept.keep(question.thread, outcome.users)
        return outcome


def _with_memory(
    name: str, arguments: tuple[int, ...], memory: ProcessMemory, users: emulated.Users
) -> emulated.CallOutcome:
    first, second = arguments[0] & 0xFFFFFFFF, arguments[1]
    match name:
        case "setgroups":
            if first > emulated.MOST_GROUPS:
                return emulated.CallOutcome(users, error=errno.EINVAL)
            content = memory.read(second, first * _NUMBER.size) if first else b""
            return emulated.set_groups([group for (group,) in _NUMBER.iter_unpack(content)], users)
        case "getgroups":
            if first and first < len(users.groups):
                return emulated.CallOutcome(users, error=errno.EINVAL)
            if first and users.groups:
                memory.write(second, b"".join(map(_NUMBER.pack, users.groups)))
            return emulated.CallOutcome(users, len(users.groups))
        case _:  # getresuid, getresgid
            for address, number in zip(arguments, users.uids if name == "getresuid" else users.gids, strict=False):
                memory.write(address, _NUMBER.pack(number))
            return emulated.CallOutcome(users)
