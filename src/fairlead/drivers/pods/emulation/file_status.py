"""The status of files as a process with an emulated user sees it: what is the kernel's only user's, is its own.

A path is followed as the process itself would; where that is not certain (links of ``/proc``, a root folder of its
own), the kernel goes on, and what it says is true but for the owner.
"""

import ctypes
import os
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

from fairlead.drivers.linux.calls import open_path_without_magic
from fairlead.drivers.linux.seccomp import Architecture, WaitingCall
from fairlead.drivers.pods.process_memory import ProcessMemory
from fairlead.nodeagent.emulated_users import Users

_AT_FDCWD = 0xFFFFFF9C
_AT_EMPTY_PATH, _AT_SYMLINK_NOFOLLOW = 0x1000, 0x100
_NUMBER = struct.Struct("=I")
_ONLY_USER = 0  # of the lab's user namespace

_libc = ctypes.CDLL(None, use_errno=True)


class _Layout(NamedTuple):
    """Of a structure: its size, and where user and group are (asm/stat.h, linux/stat.h)."""

    size: int
    uid: int
    gid: int


_STAT = {"x86_64": _Layout(144, 28, 32), "aarch64": _Layout(128, 24, 28)}
_STATX = _Layout(256, 20, 24)


class _Wanted(NamedTuple):
    """What a call asks for.

    Attributes:
        folder: descriptor that a relative path begins at.
        path: its address; 0: the descriptor itself is meant.
        flags: AT_… of fstatat(2).
        buffer: the address of what is to be filled.
    """

    folder: int
    path: int
    flags: int
    buffer: int


_READERS: Mapping[str, Callable[..., _Wanted]] = {
    "stat": lambda path, buffer, *_: _Wanted(_AT_FDCWD, path, 0, buffer),
    "lstat": lambda path, buffer, *_: _Wanted(_AT_FDCWD, path, _AT_SYMLINK_NOFOLLOW, buffer),
    "fstat": lambda fd, buffer, *_: _Wanted(fd, 0, _AT_EMPTY_PATH, buffer),
    "newfstatat": lambda folder, path, buffer, flags, *_: _Wanted(folder, path, flags, buffer),
    "statx": lambda folder, path, flags, mask, buffer, *_: _Wanted(folder, path, flags, buffer),
}
CALLS = frozenset(_READERS)
_OWNERS: Mapping[
    str, Callable[..., tuple[_Wanted, int, int]]
] = {  # where a call of chown(2) has folder, path, user, group and flags
    "chown": lambda path, uid, gid, *_: (_Wanted(_AT_FDCWD, path, 0, 0), uid, gid),
    "lchown": lambda path, uid, gid, *_: (_Wanted(_AT_FDCWD, path, _AT_SYMLINK_NOFOLLOW, 0), uid, gid),
    "fchown": lambda fd, uid, gid, *_: (_Wanted(fd, 0, _AT_EMPTY_PATH, 0), uid, gid),
    "fchownat": lambda folder, path, uid, gid, flags, *_: (_Wanted(folder, path, flags, 0), uid, gid),
}
OWNER_CALLS = frozenset(_OWNERS)


def write_status(machine: Architecture, name: str, question: WaitingCall, memory: ProcessMemory, users: Users) -> None:
    """Do one of ``CALLS`` for a process.

    Raises:
        OSError: it cannot be done as the process would, or fails; the kernel is to go on.
    """
    wanted = _READERS[name](*question.arguments)
    fd = _opened(wanted, question.thread, memory)
    try:
        content = _status(machine, name, fd, question.arguments)
    finally:
        os.close(fd)
    layout = _STATX if name == "statx" else _STAT[os.uname().machine]
    for place, own in ((layout.uid, users.uids.effective), (layout.gid, users.gids.effective)):
        if _NUMBER.unpack_from(content, place)[0] == _ONLY_USER:
            _NUMBER.pack_into(content, place, own)
    memory.write(wanted.buffer, bytes(content))


def owner_wanted(name: str, question: WaitingCall, memory: ProcessMemory) -> tuple[int, int]:
    """User and group that one of ``OWNER_CALLS`` is to give a file to that is there.

    Raises:
        OSError: there is no such file, or it cannot be told; the kernel is to go on.
    """
    wanted, uid, gid = _OWNERS[name](*question.arguments)
    os.close(_opened(wanted, question.thread, memory))
    return uid, gid


def _status(machine: Architecture, name: str, fd: int, arguments: tuple[int, ...]) -> bytearray:
    layout = _STATX if name == "statx" else _STAT[os.uname().machine]
    buffer = ctypes.create_string_buffer(layout.size)
    if name == "statx":
        flags, mask = ctypes.c_int(arguments[2] | _AT_EMPTY_PATH), ctypes.c_uint(arguments[3] & 0xFFFFFFFF)
        result = _libc.syscall(machine.calls["statx"], fd, b"", flags, mask, buffer)
    else:
        result = _libc.syscall(machine.calls["newfstatat"], fd, b"", buffer, ctypes.c_int(_AT_EMPTY_PATH))
    if result != 0:
        raise OSError(ctypes.get_errno(), name)
    return bytearray(buffer.raw)


def _opened(wanted: _Wanted, thread: int, memory: ProcessMemory) -> int:
    """A descriptor (O_PATH) of what is asked about."""
    path = memory.path(wanted.path) if wanted.path else b""
    folder = wanted.folder & 0xFFFFFFFF
    start = f"/proc/{thread}/cwd" if folder == _AT_FDCWD else f"/proc/{thread}/fd/{folder}"
    if not path:
        if not wanted.flags & _AT_EMPTY_PATH:
            raise FileNotFoundError
        return os.open(start, os.O_PATH | os.O_CLOEXEC)
    _require_same_root(thread)
    flags = os.O_PATH | (os.O_NOFOLLOW if wanted.flags & _AT_SYMLINK_NOFOLLOW else 0)
    if path.startswith(b"/"):
        return open_path_without_magic(-1, path, flags)
    beginning = os.open(start, os.O_PATH | os.O_CLOEXEC)
    try:
        return open_path_without_magic(beginning, path, flags)
    finally:
        os.close(beginning)


def _require_same_root(thread: int) -> None:
    if not os.path.samestat(os.stat(f"/proc/{thread}/root"), os.stat("/")):
        raise PermissionError
