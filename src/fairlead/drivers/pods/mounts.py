"""What one container sees of the file system beyond its Pod: a root, a ``/dev`` and empty folders of its own, and its
volumes.

All that is shown of the machine is read-only; what a container writes elsewhere than into volumes is in its memory and
goes with it. A volume may be mounted where there is nothing. The folder in which something is missing is then replaced,
in this container's sight, by an empty one in which everything that was there is mounted again. Runs in a mount
namespace of the container's own, below that of its Pod (``root_folder``).
"""

import os
import posixpath
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from fairlead.drivers.linux.calls import (
    MS_NODEV,
    MS_NOSUID,
    attach_tree,
    clone_tree,
    clone_tree_at,
    forbid_devices,
    make_read_only,
    mount,
    open_beneath,
)
from fairlead.drivers.pods import devices, kernel_files
from fairlead.drivers.pods.machine_secrets import EMPTY_FOLDERS
from fairlead.drivers.pods.root_folder import move_root, show_again, touch
from fairlead.nodeagent.volumes import Mount

_SCRATCH = "/tmp"  # noqa: S108 - a mount point
_FIRST_LEVEL = frozenset(path[1:] for path in (*EMPTY_FOLDERS, devices.FOLDER) if path.count("/") == 1)


class MountSource(NamedTuple):
    """A mount whose source was opened before the machine's files were hidden.

    Attributes:
        tree: descriptor of a cloned tree.
        path: where that was, without links.
    """

    mounted: Mount
    tree: int
    path: str


def take_sources(mounts: Sequence[Mount]) -> list[MountSource]:
    """Open the sources of a container's mounts; call it while the machine's files are visible.

    Raises:
        OSError: a source is not there, or a part of a volume leads out of it; the path is in the message.
    """
    return [_take(mounted) for mounted in mounts]


def _take(mounted: Mount) -> MountSource:
    if not mounted.part:
        tree = clone_tree(mounted.source)
    else:
        # Who writes to a volume may put a link there; it must not lead out, wherever in the path it is.
        volume = os.open(mounted.source, os.O_PATH | os.O_CLOEXEC)
        place = open_beneath(volume, mounted.part, os.O_PATH)
        tree = clone_tree_at(place)
        os.close(place)
        os.close(volume)
    forbid_devices(tree)
    return MountSource(mounted, tree, os.path.realpath(posixpath.join(mounted.source, mounted.part)))


def mount_all(sources: Sequence[MountSource], hidden: Sequence[str]) -> None:
    """Make the container's view. Sources are given outer ones first; of the ``hidden`` folders of the machine they show
    nothing, unless they lie within.

    Raises:
        OSError: the kernel refuses; the path is in the message.
    """
    nodes = devices.take_nodes()
    _build_root()
    devices.mount_devices(nodes)
    ours = {"/", devices.FOLDER, f"{devices.FOLDER}/shm", *EMPTY_FOLDERS}  # the folders that may be written to

    def make_way(target: str, is_folder: bool) -> None:
        _make_way(target, is_folder, ours)

    for source in sources:
        ours.discard(attach(source, hidden, make_way))


def attach(source: MountSource, hidden: Sequence[str], make_way: Callable[[str, bool], None]) -> str:
    """Mount a source in the caller's root; where that is, without links.

    Args:
        make_way: sees that there is something at a path, a folder or a file, to mount over.
    """
    target = os.path.realpath(source.mounted.target)
    make_way(target, stat.S_ISDIR(os.fstat(source.tree).st_mode))
    attach_tree(source.tree, target)
    os.close(source.tree)
    for path in _within(source.path, target, hidden):
        kernel_files.hide(path)
    if source.mounted.read_only:
        make_read_only(target)
    return target


def _build_root() -> None:
    """Move to a root that may be written to, with what the Pod's has, the contents of its empty folders included."""
    before = {folder: os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) for folder in EMPTY_FOLDERS}
    _mount_empty(_SCRATCH, 0o755)
    show_again("/", _SCRATCH, leave_out=_FIRST_LEVEL)
    for name in _FIRST_LEVEL:
        os.mkdir(f"{_SCRATCH}/{name}")
    for folder, fd in before.items():
        _mount_empty(_SCRATCH + folder, EMPTY_FOLDERS[folder])
        show_again(f"/proc/self/fd/{fd}", _SCRATCH + folder)
        os.close(fd)
    move_root(_SCRATCH)


def _within(source: str, target: str, hidden: Sequence[str]) -> Iterator[str]:
    """Where the hidden folders are to be seen in what is mounted, if they are."""
    for folder in hidden:
        if posixpath.commonpath((source, folder)) == source:
            path = posixpath.normpath(posixpath.join(target, posixpath.relpath(folder, source)))
            if os.path.lexists(path):
                yield path


def _make_way(target: str, is_folder: bool, ours: set[str]) -> None:
    """Create the target of a mount if it is missing."""
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
        touch(target)


def _nearest(path: str) -> str:
    """The longest existing folder on the way to a path."""
    while not os.path.isdir(path):
        path = posixpath.dirname(path)
    return path


def _replace(folder: str) -> None:
    """Cover a folder with an empty one that holds the same things."""
    before = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    _mount_empty(folder, 0o755)
    show_again(f"/proc/self/fd/{before}", folder)
    os.close(before)


def _mount_empty(path: str, mode: int) -> None:
    mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode:o}")
