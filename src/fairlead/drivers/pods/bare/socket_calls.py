"""Answers the calls by which a Pod's programs bind and connect sockets, where the Pod has no network of its own.

A filter (``drivers.linux.seccomp``) has bind(2) and connect(2) wait for the process above the program. It takes a copy
of the socket, and does what stands for the call (``nodeagent.loopback_sockets``). What it does not understand, or may
not see, the kernel does as it would have done. Programs stay as they are; where the kernel refuses the filter, they
have to listen at ``POD_IP`` themselves.
"""

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

from fairlead.drivers.linux import seccomp
from fairlead.drivers.linux.calls import take_descriptor
from fairlead.drivers.pods.process_memory import GoneError, ProcessMemory
from fairlead.nodeagent.loopback_sockets import Address, PodSockets

CALLS = ("bind", "connect")
_LONGEST = 128  # octets of a struct sockaddr_storage
_MAPPED = "::ffff:"
_IN, _IN6 = (
    struct.Struct("!2xH4s"),
    struct.Struct("!2xH4x16s"),
)  # sockaddr_in, sockaddr_in6; the family is the machine's


def listen_for_calls(tender: socket.socket) -> None:
    """In the program, which has given up new privileges: have its calls wait for whom the other end belongs to. Where
    the kernel refuses, nothing waits."""
    machine = seccomp.this_machine()
    with suppress(OSError):
        if machine is not None:
            seccomp.listen_for(tender, machine, [machine.calls[name] for name in CALLS])
    tender.close()


def listener_from(program: socket.socket) -> int | None:
    """In the tender: the descriptor at which calls are asked; None where there is no filter."""
    with program:
        message, descriptors, _, _ = socket.recv_fds(program, 1, 1)
    return descriptors[0] if message and descriptors else None


class SocketCalls:
    """Answers calls.

    Args:
        listener: where they are asked.
    """

    def __init__(self, listener: int, pod: PodSockets) -> None:
        machine = seccomp.this_machine()
        assert machine is not None
        self._names = {machine.calls[name]: name for name in CALLS}
        self.listener, self._pod = listener, pod

    def answer(self) -> None:
        """Answer one waiting call; in any unexpected case, the kernel executes it."""
        question = seccomp.next_question(self.listener)
        if question is None:
            return
        try:
            is_done = self._act(question)
        except OSError as error:
            seccomp.answer(self.listener, question, 0, error.errno or 0)
        except (ValueError, struct.error):
            seccomp.let_go_on(self.listener, question)
        else:
            if is_done:
                seccomp.answer(self.listener, question, 0, 0)
            else:
                seccomp.let_go_on(self.listener, question)

    def _act(self, question: seccomp.WaitingCall) -> bool:
        """Do what stands for a call; whether that was all."""
        try:
            named = self._address(question)
            made = self._socket(question) if named else None
        except (GoneError, OSError):  # it does not wait any more, or cannot be seen
            return False
        if named is None or made is None:
            return False
        with made:
            return _ACTIONS[self._names[question.number]](self._pod, made, named)

    def _address(self, question: seccomp.WaitingCall) -> Address | None:
        """The address that the call names, in IPv4 whatever the socket is of; None: it is of no such kind."""
        _, pointer, length, *_ = question.arguments
        with ProcessMemory(self.listener, question, os.O_RDONLY) as memory:
            octets = memory.read(pointer, min(length, _LONGEST))
        family = int.from_bytes(octets[:2], "little" if _IS_LITTLE else "big")
        if family == socket.AF_INET:
            port, raw = _IN.unpack_from(octets)
            return socket.inet_ntop(socket.AF_INET, raw), port
        if family == socket.AF_INET6:
            port, raw = _IN6.unpack_from(octets)
            return socket.inet_ntop(socket.AF_INET6, raw).removeprefix(_MAPPED), port
        return None

    def _socket(self, question: seccomp.WaitingCall) -> socket.socket:
        """A copy of the socket that the call is about."""
        pidfd = os.pidfd_open(_process_of(question.thread))
        try:
            return socket.socket(fileno=take_descriptor(pidfd, question.arguments[0] & 0xFFFFFFFF))
        finally:
            os.close(pidfd)


_IS_LITTLE = struct.pack("=H", 1) == b"\1\0"


def _process_of(thread: int) -> int:
    for line in Path(f"/proc/{thread}/status").read_text().splitlines():
        if line.startswith("Tgid:"):
            return int(line.split()[1])
    raise ProcessLookupError(thread)


def _bind(pod: PodSockets, made: socket.socket, named: Address) -> bool:
    instead = pod.to_bind(*named)
    if instead is None:
        return False
    if made.family == socket.AF_INET6 and made.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        made.bind(("::1", 0))  # the Pod has no IPv6, and its program does not know
    else:
        made.bind(_spelled(made, instead))
    return True


def _connect(pod: PodSockets, made: socket.socket, named: Address) -> bool:
    instead = pod.to_connect(*named)
    if pod.is_of_lab((instead or named)[0]) and made.getsockname()[1] == 0:
        with suppress(OSError):
            made.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
            made.bind(_spelled(made, (pod.own, 0)))
    if instead is None:
        return False
    made.connect(_spelled(made, instead))
    return True


def _spelled(made: socket.socket, address: Address) -> Address:
    """The address as a socket of this family has it."""
    return (f"{_MAPPED}{address[0]}", address[1]) if made.family == socket.AF_INET6 else address


_ACTIONS = {"bind": _bind, "connect": _connect}
