"""What one container sees of the file system beyond its Pod: an empty /tmp and a /dev of its own, and its volumes.

A volume may be mounted where this machine has nothing. The folder in which something is missing is then replaced, in
this container's sight, by an empty one in which everything that was there is mounted again; the machine itself is never
written to. Runs in a mount namespace of the container's own.
"""

import os
import posixpath
import stat
from collections.abc import Sequence

from fairlead.drivers.linux.calls import (
    MS_BIND,
    MS_NODEV,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    attach_tree,
    clone_tree,
    mount,
    pivot_root,
    unmount,
)
from fairlead.drivers.pods import devices
from fairlead.nodeagent.volumes import Mount

_TEMPORARY = "/tmp"  # noqa: S108 - a mount point


def mount_all(mounts: Sequence[Mount], hidden: Sequence[str]) -> None:
    """Make the container's view. Mounts are given outer ones first; of the ``hidden`` folders it sees nothing but what
    a mount brings from them.

    Raises:
        OSError: a source is not there, or the kernel refuses; the path is in the message.
    """
    # Taken first, because a source may lie in a folder that is about to be covered.
    sources = [clone_tree(mounted.source) for mounted in mounts]
    for folder in hidden:
        mount("tmpfs", folder, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "mode=755")
    ours: set[str] = set()  # the folders that may be written to
    if any(_nearest(mounted.target) == "/" for mounted in mounts):
        _replace_root()
        ours.add("/")
    devices.mount_devices()
    _mount_empty(_TEMPORARY, 0o1777)
    ours |= {devices.FOLDER, f"{devices.FOLDER}/shm", _TEMPORARY}
    for mounted, source in zip(mounts, sources, strict=True):
        _make_way(mounted.target, stat.S_ISDIR(os.fstat(source).st_mode), ours)
        attach_tree(source, mounted.target)
        os.close(source)
        if mounted.read_only:
            _make_read_only(mounted.target)
        ours.discard(mounted.target)


def _make_way(target: str, is_folder: bool, ours: set[str]) -> None:
    """See that there is something at the target to mount over."""
    if os.path.lexists(target):
        return
    nearest = _nearest(target)
    if nearest not in ours:
        _replace(nearest)
        ours.add(nearest)
    folder = target if is_folder else posixpath.dirname(target)
    while nearest != folder:
        nearest = posixpath.join(nearest, posixpath.relpath(folder, nearest).split("/")[0])
        os.mkdir(nearest)
        ours.add(nearest)
    if not is_folder:
        _touch(target)


def _nearest(path: str) -> str:
    """The longest existing folder on the way to a path."""
    while not os.path.isdir(path):
        path = posixpath.dirname(path)
    return path


def _replace(folder: str) -> None:
    """Cover a folder with an empty one that holds the same things."""
    before = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    _mount_empty(folder, 0o755)
    _show_again(f"/proc/self/fd/{before}", folder)
    os.close(before)


def _replace_root() -> None:
    temporary = clone_tree(_TEMPORARY)
    _mount_empty(_TEMPORARY, 0o755)
    _show_again("/", _TEMPORARY, leave_out="tmp")
    os.chdir(_TEMPORARY)
    os.mkdir("tmp")
    attach_tree(temporary, "tmp")
    os.close(temporary)
    pivot_root(".", ".")  # the old root now covers the new one; see pivot_root(2)
    unmount(".")
    os.chdir("/")


def _show_again(source: str, target: str, leave_out: str = "") -> None:
    """Everything in the folder ``source``, at the same place in the empty folder ``target``."""
    for entry in os.scandir(source):
        place = posixpath.join(target, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), place)
        elif entry.name != leave_out:
            if entry.is_dir():
                os.mkdir(place)
            else:
                _touch(place)
            mount(entry.path, place, flags=MS_BIND | MS_REC)


def _mount_empty(path: str, mode: int) -> None:
    mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode:o}")


def _make_read_only(target: str) -> None:
    """Restrictions that the mount has already must be named again: in a user namespace they cannot be lifted."""
    kept = os.statvfs(target).f_flag & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC)
    mount("none", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
