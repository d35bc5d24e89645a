"""The ``/dev`` of a container's own: a few harmless devices, terminals, shared memory, message queues.

What every container has is the OCI runtime specification's list (``config-linux.md``, default devices). Nodes are
mounted from the machine's ``/dev``, for in a user namespace none can be made. No other device can be opened: all other
mounts of a Pod are ``nodev``.
"""

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from fairlead.drivers.linux.calls import MS_NODEV, MS_NOEXEC, MS_NOSUID, allow_devices, attach_tree, clone_tree, mount
from fairlead.drivers.pods.privileges import is_mapped

FOLDER = "/dev"
_NODES = ("full", "null", "random", "tty", "urandom", "zero")
_LINKS = {
    "core": "/proc/kcore",
    "fd": "/proc/self/fd",
    "ptmx": "pts/ptmx",
    "stderr": "/proc/self/fd/2",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
}
_TTY_GROUP = 5  # the same on all distributions; terminals are its own, so that write(1) may write to them


def take_nodes() -> dict[str, int]:
    """The devices that every container has, as trees that can be mounted; to be given to ``mount_devices``.

    Raises:
        OSError: this machine lacks one of them; the path is in the message.
    """
    return {name: clone_tree(f"{FOLDER}/{name}") for name in _NODES}


def mount_devices(nodes: Mapping[str, int]) -> None:
    """Cover ``/dev`` with one of the caller's own, and close the trees.

    Raises:
        OSError: the kernel refuses; the path is in the message.
    """
    mount("tmpfs", FOLDER, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64m")
    for name, node in nodes.items():
        Path(FOLDER, name).touch()
        allow_devices(node)
        attach_tree(node, f"{FOLDER}/{name}")
        os.close(node)
    for name, target in _LINKS.items():
        Path(FOLDER, name).symlink_to(target)
    _mount_on("pts", "devpts", MS_NOSUID | MS_NOEXEC, _terminal_options())
    _mount_on("shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    try:
        _mount_on("mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError as error:
        if error.errno != errno.ENODEV:  # which is what a kernel without message queues says
            raise


def _mount_on(name: str, filesystem: str, flags: int, options: str = "") -> None:
    place = Path(FOLDER, name)
    place.mkdir()
    mount(filesystem, str(place), filesystem, flags, options)


def _terminal_options() -> str:
    """For terminals that nobody outside sees, see devpts(5). Unless told so, nobody may open the new ``ptmx``."""
    group = f",gid={_TTY_GROUP}" if is_mapped("gid", _TTY_GROUP) else ""
    return f"newinstance,ptmxmode=0666,mode=0620{group}"
