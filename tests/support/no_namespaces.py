"""Runs a command where no namespaces can be made: ``python no_namespaces.py KIND COMMAND...``.

KIND ``seccomp`` is what container runtimes do to containers without privileges: unshare(2) and clone(2) with a flag for
a namespace are refused, and clone3(2) is not there. KIND ``sysctl`` is ``user.max_user_namespaces=0``, in a user
namespace of its own, where the setting counts for what is below; the command runs without capabilities.
"""

import ctypes
import os
import platform
import struct
import sys
from pathlib import Path

from fairlead.drivers.linux.calls import CLONE_NEWUSER, unshare

# seccomp(2), linux/seccomp.h, linux/filter.h, linux/audit.h
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _JUMP_EQUAL, _JUMP_ANY, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_NUMBER, _FIRST_ARGUMENT = 0, 16  # offsets in struct seccomp_data; the lower half of the argument
_NEW_NAMESPACES = 0x7E020000 | 0x80  # CLONE_NEW*, linux/sched.h
_CALLS = {"x86_64": {"unshare": 272, "clone": 56}, "aarch64": {"unshare": 97, "clone": 220}}
_CLONE3 = 435


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def deny_namespaces() -> None:
    """Install the filter for this process and all that it runs."""
    calls = _CALLS[platform.machine()]
    program = b"".join(
        (
            _instruction(_LOAD, _NUMBER),
            _instruction(_JUMP_EQUAL, calls["unshare"], 5, 0),
            _instruction(_JUMP_EQUAL, _CLONE3, 5, 0),
            _instruction(_JUMP_EQUAL, calls["clone"], 0, 2),
            _instruction(_LOAD, _FIRST_ARGUMENT),
            _instruction(_JUMP_ANY, _NEW_NAMESPACES, 1, 0),
            _instruction(_RETURN, _ALLOW),
            _instruction(_RETURN, _ERRNO | _EPERM),
            _instruction(_RETURN, _ERRNO | _ENOSYS),
        )
    )
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(buffer))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_PR_SET_SECCOMP, _FILTER, described, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp filter")


def forbid_by_sysctl() -> None:
    """Enter a user namespace in which there can be no further ones."""
    uid, gid = os.geteuid(), os.getegid()
    assert uid, "an ordinary user's: root's labs need no user namespace"
    unshare(CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path("/proc/self", name).write_text(text)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


KINDS = {"seccomp": deny_namespaces, "sysctl": forbid_by_sysctl}

if __name__ == "__main__":
    KINDS[sys.argv[1]]()
    os.execvp(sys.argv[2], sys.argv[2:])
