"""Filters of system calls that have another process answer (seccomp(2), seccomp_unotify(2)).

A filter names calls; each of these waits until the process that listens has said what it gives, or that the kernel
is to go on as if nobody had asked. A filter applies permanently to a process and all its descendants.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Mapping
from typing import NamedTuple

_SET_MODE_FILTER = 1
_NEW_LISTENER, _WAIT_KILLABLE_RECV = 1 << 3, 1 << 5
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_INSTRUCTION = struct.Struct("=HBBI")
_QUESTION = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif
_ANSWER = struct.Struct("=QqiI")  # struct seccomp_notif_resp
_RECEIVE, _SEND, _IS_VALID = 0xC0502100, 0xC0182101, 0x40082102  # SECCOMP_IOCTL_NOTIF_…
_GO_ON = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE

_libc = ctypes.CDLL(None, use_errno=True)


class Architecture(NamedTuple):
    """Numbers of an architecture (linux/audit.h, asm/unistd.h): its own, and those of the calls that we name."""

    architecture: int
    calls: Mapping[str, int]


def _numbered(text: str) -> dict[str, int]:
    return {name: int(number) for name, _, number in (word.partition("=") for word in text.split())}


_MACHINES = {
    "x86_64": Architecture(
        0xC000003E,
        _numbered(
            "stat=4 fstat=5 lstat=6 chown=92 fchown=93 lchown=94 getuid=102 getgid=104 setuid=105 setgid=106 "
            "geteuid=107 getegid=108 setreuid=113 setregid=114 getgroups=115 setgroups=116 setresuid=117 "
            "getresuid=118 setresgid=119 getresgid=120 setfsuid=122 setfsgid=123 fchownat=260 newfstatat=262 "
            "seccomp=317 statx=332 prctl=157 execve=59 execveat=322 connect=42 bind=49"
        ),
    ),
    "aarch64": Architecture(
        0xC00000B7,
        _numbered(
            "fchownat=54 fchown=55 newfstatat=79 fstat=80 setregid=143 setgid=144 setreuid=145 setuid=146 "
            "setresuid=147 getresuid=148 setresgid=149 getresgid=150 setfsuid=151 setfsgid=152 getgroups=158 "
            "setgroups=159 getuid=174 geteuid=175 getgid=176 getegid=177 seccomp=277 statx=291 "
            "prctl=167 execve=221 execveat=281 bind=200 connect=203"
        ),
    ),
}


def this_machine() -> Architecture | None:
    """That of this machine's calls; None: we do not know their numbers."""
    return _MACHINES.get(os.uname().machine)


class WaitingCall(NamedTuple):
    """A call that waits.

    Attributes:
        thread: of which it is, as the process that listens numbers it.
        arguments: six of 64 bits.
    """

    id: int
    thread: int
    number: int
    arguments: tuple[int, ...]


def listen(machine: Architecture, numbers: list[int]) -> int:
    """Filter these calls of the calling thread; it must have given up new privileges before.

    Returns:
        A descriptor by which another process answers.

    Raises:
        OSError: the kernel refuses.
    """
    code = _program(machine, numbers)
    buffer = ctypes.create_string_buffer(code, len(code))
    length = len(code) // _INSTRUCTION.size
    program = ctypes.create_string_buffer(struct.pack("@HP", length, ctypes.addressof(buffer)))
    for flags in (_NEW_LISTENER | _WAIT_KILLABLE_RECV, _NEW_LISTENER):  # the first needs Linux 5.19
        call = machine.calls["seccomp"]
        fd = int(_libc.syscall(call, _SET_MODE_FILTER, ctypes.c_ulong(flags), ctypes.byref(program)))
        if fd >= 0 or ctypes.get_errno() != errno.EINVAL:
            break
    if fd < 0:
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")
    return fd


def listen_for(other: socket.socket, machine: Architecture, numbers: list[int]) -> None:
    """As ``listen``, for the process at the other end of a connection, which gets the descriptor with one octet."""
    listener = listen(machine, numbers)
    socket.send_fds(other, [b"\0"], [listener])
    os.close(listener)


def _program(machine: Architecture, numbers: list[int]) -> bytes:
    """Calls of other architectures that the machine can run, as 32-bit programs are, go by unseen."""
    rows = [(_LOAD, 0, 0, _ARCHITECTURE), (_JUMP_EQUAL, 0, len(numbers) + 1, machine.architecture)]
    rows.append((_LOAD, 0, 0, _NUMBER))
    rows.extend((_JUMP_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers))
    rows.extend(((_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _NOTIFY)))
    return b"".join(_INSTRUCTION.pack(*row) for row in rows)


def next_question(listener: int) -> WaitingCall | None:
    """The next call; None: it does not wait any more, because its process has been killed."""
    buffer = bytearray(_QUESTION.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except FileNotFoundError:
        return None
    id_, thread, _, number, _, _, *arguments = _QUESTION.unpack(buffer)
    return WaitingCall(id_, thread, number, tuple(arguments))


def still_waits(listener: int, question: WaitingCall) -> bool:
    """Whether the call still waits: if not, its thread's number may be another's."""
    try:
        fcntl.ioctl(listener, _IS_VALID, struct.pack("=Q", question.id))
    except FileNotFoundError:
        return False
    return True


def answer(listener: int, question: WaitingCall, value: int, error: int) -> None:
    """Make the call return a value, or an errno."""
    _send(listener, _ANSWER.pack(question.id, 0 if error else value, -error, 0))


def let_go_on(listener: int, question: WaitingCall) -> None:
    """Let the kernel execute the call."""
    _send(listener, _ANSWER.pack(question.id, 0, 0, _GO_ON))


def _send(listener: int, answer_: bytes) -> None:
    try:
        fcntl.ioctl(listener, _SEND, answer_)
    except FileNotFoundError:
        return  # it has been killed
