"""Linux system calls that Python 3.11's ``os`` does not offer: namespaces, mounts, capabilities, process attributes.

Thin: each function is one system call, and raises ``OSError`` with the call's errno and, where there is one, the path.
Constants are those of the kernel's ``linux/sched.h``, ``linux/mount.h``, ``linux/prctl.h``, ``linux/capability.h``.
"""

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

MNT_DETACH = 2

# Numbers of linux/unistd.h for calls that older C libraries do not wrap; they are the same on every architecture.
_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_SYS_OPENAT2 = 437
_SYS_MOUNT_SETATTR = 442
_SYS_PIDFD_GETFD = 438
_OPEN_TREE_CLONE = 0x1
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 0x1
_MOUNT_ATTR_NOSUID = 0x2
_MOUNT_ATTR_NODEV = 0x4
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_BENEATH = 0x08
_MOVE_MOUNT_F_EMPTY_PATH = 0x4

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_ARGUMENTS = (48, 49)  # fields arg_start and arg_end of proc_pid_stat(5)

_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user_namespace")]


class _OpenHow(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("flags", "mode", "resolve")]


class _CapabilityWord(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def unshare(flags: int) -> None:
    """Put the calling process (for CLONE_NEWPID: its future children) into new namespaces."""
    _check(_libc.unshare(flags))


def setns(fd: int, flags: int) -> None:
    """Join the namespace behind ``fd``, or with a pidfd all those of its process that ``flags`` names."""
    _check(_libc.setns(fd, flags))


def mount(source: str, target: str, filesystem: str = "", flags: int = 0, options: str = "") -> None:
    result = _libc.mount(
        source.encode(), os.fsencode(target), filesystem.encode(), ctypes.c_ulong(flags), options.encode()
    )
    _check(result, target)


def unmount(target: str) -> None:
    """Take a mount away from the tree of names; it lives on where something still uses it."""
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH), target)


def clone_tree(path: str) -> int:
    """A copy of what is mounted at and below a path, attached nowhere yet; it does not mind the path being covered."""
    return _clone_tree(_AT_FDCWD, path, 0)


def clone_tree_at(place: int) -> int:
    """As ``clone_tree``, of what an open descriptor is of (O_PATH will do)."""
    return _clone_tree(place, "", _AT_EMPTY_PATH)


def _clone_tree(folder: int, path: str, flags: int) -> int:
    flags |= _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
    return _descriptor(_libc.syscall(_SYS_OPEN_TREE, folder, os.fsencode(path), ctypes.c_uint(flags)), path)


def open_beneath(folder: int, path: str, flags: int) -> int:
    """Open a path below an open folder; raises OSError (EXDEV) if it, or a link on its way, leads out of that."""
    how = _OpenHow(flags | os.O_CLOEXEC, 0, _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS)
    size = ctypes.c_size_t(ctypes.sizeof(how))
    return _descriptor(_libc.syscall(_SYS_OPENAT2, folder, os.fsencode(path), ctypes.byref(how), size), path)


def open_path_without_magic(folder: int, path: bytes, flags: int) -> int:
    """Open a path from a folder on; raises OSError (ELOOP) if it leads through a link of ``/proc`` that is not what its
    text says, but depends on who follows it."""
    how = _OpenHow(flags | os.O_CLOEXEC, 0, _RESOLVE_NO_MAGICLINKS)
    size = ctypes.c_size_t(ctypes.sizeof(how))
    return _descriptor(_libc.syscall(_SYS_OPENAT2, folder, path, ctypes.byref(how), size), os.fsdecode(path))


def _descriptor(result: int, path: str) -> int:
    _check(0 if result >= 0 else result, path)
    return int(result)


def attach_tree(tree: int, target: str) -> None:
    """Mount a cloned tree at the target."""
    result = _libc.syscall(
        _SYS_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH)
    )
    _check(result, target)


def forbid_devices(tree: int) -> None:
    """Have no device be opened by a name on any mount of a cloned tree (``nodev``)."""
    _set_attributes(tree, "", _AT_RECURSIVE | _AT_EMPTY_PATH, _MountAttributes(set=_MOUNT_ATTR_NODEV))


def make_read_only(path: str, *, below: bool = False) -> None:
    """Have nothing be written at a path, and with ``below`` on any mount below it; devices and set-user-ID bits have no
    effect there. Restrictions that mounts have already stay, and can in a user namespace not be lifted."""
    attributes = _MountAttributes(set=_MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV)
    _set_attributes(_AT_FDCWD, path, _AT_RECURSIVE if below else 0, attributes)


def allow_devices(tree: int) -> None:
    """Have the devices of a cloned tree be opened by name, where ``forbid_devices`` was for all."""
    _set_attributes(tree, "", _AT_RECURSIVE | _AT_EMPTY_PATH, _MountAttributes(clear=_MOUNT_ATTR_NODEV))


def _set_attributes(folder: int, path: str, flags: int, attributes: _MountAttributes) -> None:
    result = _libc.syscall(
        _SYS_MOUNT_SETATTR,
        folder,
        os.fsencode(path),
        ctypes.c_uint(flags),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(result, path)


def pivot_root(new_root: str, put_old: str) -> None:
    """Make ``new_root`` the root of the caller's mount namespace."""
    _check(_libc.pivot_root(os.fsencode(new_root), os.fsencode(put_old)), new_root)


def take_descriptor(pidfd: int, fd: int) -> int:
    """A copy of a descriptor of another process, which the caller could trace."""
    taken = int(_libc.syscall(_SYS_PIDFD_GETFD, pidfd, fd, ctypes.c_uint(0)))
    _check(0 if taken >= 0 else taken)
    return taken


def set_parent_death_signal(signal_number: int) -> None:
    """Have this process get a signal when the thread that forked it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def set_child_subreaper() -> None:
    """Become the parent of all orphaned descendants."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def set_undumpable() -> None:
    """Let no process of the same user look at this one's memory and descriptors until it runs a program."""
    _prctl(_PR_SET_DUMPABLE, 0)


def set_dumpable() -> None:
    """Let processes of the same user look at this one again, which entering a user namespace forbids."""
    _prctl(_PR_SET_DUMPABLE, 1)


def name_process(name: str) -> None:
    """Have lists of processes call this one so (15 characters count), and show nothing of how it was started."""
    buffer = ctypes.create_string_buffer(name.encode()[:15])
    _check(_libc.prctl(_PR_SET_NAME, buffer, 0, 0, 0))
    with open("/proc/self/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    first, end = (int(fields[number - 3]) for number in _ARGUMENTS)
    ctypes.memset(first, 0, end - first)


def set_no_new_privileges() -> None:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def limit_capabilities(keep: frozenset[int]) -> None:
    """Give up every capability outside ``keep`` (numbers), for this process and all that it may ever run."""
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in range(last + 1):
        if capability not in keep:
            _prctl(_PR_CAPBSET_DROP, capability)
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    words = (_CapabilityWord * 2)()
    _check(_libc.capget(ctypes.byref(header), words))
    for index, word in enumerate(words):
        mask = sum(1 << (capability - 32 * index) for capability in keep if capability // 32 == index)
        word.effective &= mask
        word.permitted &= mask
        word.inheritable = 0
    _check(_libc.capset(ctypes.byref(header), words))


def clear_capabilities() -> None:
    """Give up every capability that this process has now."""
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(ctypes.byref(header), (_CapabilityWord * 2)()))


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def _check(result: int, path: str | None = None) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
