"""The root folder of a container that runs a real image: the image's layers, and over them what the container writes.

Made in two steps. Where the machine's files are visible, overlayfs is mounted over the layers and kept open; in
the Pod's namespaces it becomes the root, and the old root is taken away (pivot_root(2)), before anything that the image
brings is looked at: a link of the image's can only lead within. What the container writes is in memory, counts as
its own, and goes with it, whatever is killed. Mounts are those of the OCI runtime specification (``config-linux.md``).
"""

import os
import posixpath
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fairlead.drivers.linux.calls import (
    CLONE_NEWNS,
    MS_BIND,
    MS_NODEV,
    MS_NOSUID,
    attach_tree,
    clone_tree,
    make_read_only,
    mount,
    unshare,
)
from fairlead.drivers.linux.child_process import StartError
from fairlead.drivers.pods import devices, kernel_files
from fairlead.drivers.pods.copied_root import copy_layers
from fairlead.drivers.pods.files import make_mounts_private
from fairlead.drivers.pods.mounts import MountSource, attach
from fairlead.drivers.pods.root_folder import move_root, touch
from fairlead.nodeagent.credentials import ProcessCredentials, passwd_with

_SCRATCH = "/tmp"  # noqa: S108 - a mount point
_POD_FILES = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
_USERS = "/etc/passwd"
_LARGEST_USERS = 4 * 1024 * 1024  # octets


@dataclass(frozen=True)
class ImageRoot:
    """The parts of a root folder.

    Attributes:
        layers: folders side by side, from the lowest layer to the highest.
        read_only: whether the container may write nowhere but to volumes.
        volumes: paths that stay writable, as its image declares.
        is_copied: whether the layers are to be copied, because the kernel refuses overlayfs (``try_overlay``).
    """

    layers: tuple[str, ...]
    read_only: bool = False
    volumes: tuple[str, ...] = ()
    is_copied: bool = False


def take_layers(root: ImageRoot) -> int:
    """A tree with the layers and an empty folder over them, to be attached; the caller is in a mount namespace of its
    own from now on.

    Raises:
        StartError: the kernel refuses.
    """
    _empty_scratch()
    if root.is_copied or not root.layers:
        copy_layers(root.layers, _SCRATCH)
        return clone_tree(_SCRATCH)
    _mount_overlay(root.layers)
    return clone_tree(f"{_SCRATCH}/root")


def try_overlay(_: None) -> None:
    """See whether containers' roots can be made by overlayfs.

    Raises:
        StartError: the kernel refuses.
    """
    _empty_scratch()
    os.mkdir(f"{_SCRATCH}/layer")
    _mount_overlay((f"{_SCRATCH}/layer",))
    os.mkdir(f"{_SCRATCH}/root/made")
    try:
        os.setxattr(f"{_SCRATCH}/upper/made", "user.overlay.opaque", b"y")
    except OSError as error:
        raise StartError(f"tmpfs has no attributes for overlayfs: {error.strerror}") from error


def _empty_scratch() -> None:
    """Mount an empty file system, in the caller's own mount namespace."""
    unshare(CLONE_NEWNS)
    make_mounts_private()
    mount("tmpfs", _SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")


def _mount_overlay(layers: Sequence[str]) -> None:
    for name in ("upper", "work", "root"):
        os.mkdir(f"{_SCRATCH}/{name}")
    # By their names alone, from the folder that holds them: the kernel takes a page of options.
    os.chdir(posixpath.dirname(layers[0]))
    names = ":".join(posixpath.basename(layer) for layer in reversed(layers))
    options = f"lowerdir={names},upperdir={_SCRATCH}/upper,workdir={_SCRATCH}/work,userxattr"
    try:
        mount("overlay", f"{_SCRATCH}/root", "overlay", MS_NOSUID | MS_NODEV, options)
    except OSError as error:
        raise StartError(f"overlayfs cannot be mounted over the image's layers: {error.strerror}") from error


def enter_image_root(tree: int, root: ImageRoot, credentials: ProcessCredentials) -> None:
    """Move the caller, which has a mount namespace of its own below its Pod's, to the root folder.

    Args:
        tree: from ``take_layers``.
        credentials: as whom the container runs.

    Raises:
        StartError: the image's folders are not such that a container can be made of them.
        OSError: the kernel refuses; the path is in the message.
    """
    nodes = devices.take_nodes()
    trees = {path: clone_tree(path) for path in (kernel_files.PROC, kernel_files.SYS)}
    texts = {path: clone_tree(os.path.realpath(path)) for path in _POD_FILES if os.path.exists(path)}
    attach_tree(tree, _SCRATCH)
    move_root(_SCRATCH)
    for path in (devices.FOLDER, *trees):
        _require_folder(path)
    for path, kernel_tree in trees.items():
        attach_tree(kernel_tree, path)
        os.close(kernel_tree)
    devices.mount_devices(nodes)
    _name_user(credentials)  # before there are volumes, where the file might not be the image's
    _show(texts)


def mount_volumes(root: ImageRoot, sources: Sequence[MountSource], hidden: Sequence[str], directory: str) -> None:
    """Mount what the container has beside its image, and let nothing more be written to a root that is read-only.

    Args:
        sources: volumes, outer ones first.
        directory: where the container starts; made if it is not there.
        hidden: see ``mounts.mount_all``.

    Raises:
        StartError: the image's folders are not such that a container can be made of them.
        OSError: the kernel refuses; the path is in the message.
    """
    for path in root.volumes:
        target = os.path.realpath(path)
        make_way(target, is_folder=True)
        if root.read_only:
            mount(target, target, flags=MS_BIND)  # a mount of its own, which stays as it is
    for source in sources:
        attach(source, hidden, make_way)
    make_way(os.path.realpath(directory), is_folder=True)
    if root.read_only:
        make_read_only("/")


def make_way(target: str, is_folder: bool) -> None:
    """Create a missing file or folder at a path."""
    if os.path.lexists(target):
        return
    os.makedirs(target if is_folder else posixpath.dirname(target), 0o755, exist_ok=True)
    if not is_folder:
        touch(target)


def _require_folder(path: str) -> None:
    """A folder of the root's own to mount at: a link would have the mount be elsewhere."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        os.mkdir(path, 0o755)
        return
    if not stat.S_ISDIR(status.st_mode):
        raise StartError(f"the image has something at {path} that is no folder")


def _show(texts: Mapping[str, int]) -> None:
    """Put the Pod's own files over those of the image."""
    for path, tree in texts.items():
        target = os.path.realpath(path)
        make_way(target, is_folder=False)
        attach_tree(tree, target)
        os.close(tree)


def _name_user(credentials: ProcessCredentials) -> None:
    """Give the user a name, if the image has users, and none for it."""
    try:
        if not stat.S_ISREG(os.lstat(_USERS).st_mode) or os.stat(_USERS).st_size > _LARGEST_USERS:
            return
    except FileNotFoundError:
        return
    with open(_USERS, encoding="utf-8", errors="surrogateescape") as file:
        text = passwd_with(file.read(), credentials)
    if text is not None:
        with open(_USERS, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
