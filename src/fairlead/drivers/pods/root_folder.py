"""The root folder of a Pod: one of its own, in which the machine's programs are, read-only, and nothing of the lab.

Made by the sandbox before anything of the Pod runs, and out of sight for its containers; each of these builds its
own upon it (``mounts``). The machine's root is not covered but taken away (pivot_root(2)); what lies in folders that
are needed for other things is covered, and no process of the Pod may unmount.
"""

import os
import posixpath
from collections.abc import Mapping, Sequence

from fairlead.drivers.linux.calls import (
    MS_BIND,
    MS_NODEV,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    attach_tree,
    clone_tree,
    make_read_only,
    mount,
    pivot_root,
    unmount,
)
from fairlead.drivers.pods import devices, files, kernel_files
from fairlead.drivers.pods.machine_secrets import EMPTY_FOLDERS, own_programs

_SCRATCH = "/tmp"  # noqa: S108 - a mount point
_NOTHING = "/.nothing"
_OWN = {*EMPTY_FOLDERS, devices.FOLDER, kernel_files.PROC, kernel_files.SYS}


def enter_own_root(texts: Mapping[str, str], hidden: Sequence[str]) -> None:
    """Move the caller, which has a mount namespace of its own, to the root folder of a Pod.

    Args:
        texts: file contents by the absolute path at which the Pod sees them.
        hidden: paths of the machine of which the Pod sees nothing.

    Raises:
        OSError: the kernel refuses, or this machine has no file to put a text over; the path is in the message.
    """
    nodes, programs = devices.take_nodes(), {path: clone_tree(path) for path in own_programs()}
    mount("tmpfs", _SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    _show_machine(_SCRATCH)
    kernel_files.mount_kernel_files(_SCRATCH)
    move_root(_SCRATCH)
    devices.mount_devices(nodes)
    _hide(hidden, programs)
    for path in texts:
        _make_place(path)
    for path in _machine_folders():
        make_read_only(path, below=True)
    kernel_files.protect_kernel_files()
    files.present_texts(texts)
    make_read_only("/")


def move_root(folder: str) -> None:
    """Make a mount point the root, and take the old root away."""
    os.chdir(folder)
    pivot_root(".", ".")  # the old root now covers the new one; see pivot_root(2)
    unmount(".")
    os.chdir("/")


def show_again(source: str, target: str, leave_out: frozenset[str] = frozenset()) -> None:
    """Everything in the folder ``source`` but some names, at the same place in the empty folder ``target``."""
    for entry in os.scandir(source):
        place = posixpath.join(target, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), place)
        elif entry.name not in leave_out:
            if entry.is_dir():
                os.mkdir(place)
            else:
                touch(place)
            mount(entry.path, place, flags=MS_BIND | MS_REC)


def touch(path: str) -> None:
    """Make an empty file."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def _show_machine(root: str) -> None:
    own = frozenset(path[1:] for path in _OWN if path.count("/") == 1)
    show_again("/", root, leave_out=own)
    for path, mode in EMPTY_FOLDERS.items():
        if path[1:] in own:
            os.mkdir(root + path)
            os.chmod(root + path, mode)
    for path in (devices.FOLDER, kernel_files.PROC, kernel_files.SYS):
        os.mkdir(root + path)


def _hide(hidden: Sequence[str], programs: Mapping[str, int]) -> None:
    """Cover what is hidden; programs that are needed, and lie within, are shown there again."""
    os.mkdir(_NOTHING)
    # One file system for all of them: one for each would cost more than the rest of a start.
    mount("tmpfs", _NOTHING, "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY, "mode=755,size=1m")
    further = [path for path in EMPTY_FOLDERS if path.count("/") > 1]
    for path in (*further, *(path for path in hidden if path not in EMPTY_FOLDERS)):
        if os.path.lexists(path) and os.path.realpath(path) == path:  # else it is out of sight already
            _cover(path, holds_programs=any(program.startswith(f"{path}/") for program in programs))
    unmount(_NOTHING)
    os.rmdir(_NOTHING)
    for path, tree in programs.items():
        if not os.path.lexists(path):
            os.makedirs(path)
            attach_tree(tree, path)
            make_read_only(path, below=True)
        os.close(tree)


def _cover(path: str, *, holds_programs: bool) -> None:
    if holds_programs:
        mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    else:
        mount(_NOTHING if os.path.isdir(path) else "/dev/null", path, flags=MS_BIND)


def _make_place(path: str) -> None:
    """See that a text can be put at a path whose folder is the Pod's own, as the target of a link may be."""
    target = os.path.realpath(path)
    if not os.path.lexists(target) and any(target.startswith(f"{folder}/") for folder in EMPTY_FOLDERS):
        os.makedirs(posixpath.dirname(target), exist_ok=True)
        touch(target)


def _machine_folders() -> list[str]:
    """What of the root folder is shown from the machine."""
    shown = (f"/{name}" for name in os.listdir("/"))
    return [path for path in shown if not os.path.islink(path) and os.path.ismount(path) and path not in _OWN]
