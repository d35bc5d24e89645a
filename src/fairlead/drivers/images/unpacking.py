"""Writes a layer below a folder, as ``images.layer_plan`` says, by descriptors that follow no link.

Every folder on the path is opened by its name in its parent, and never through a link: if the plan is wrong about the
existing files, or another process changes them, the kernel refuses. Whiteouts become those of overlayfs: a character
device with number 0/0, and an attribute of a folder. Attributes of folders are set at the end, because they might
forbid the creation of files in them.
"""

import errno
import os
import stat
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path as FilePath
from typing import BinaryIO

from fairlead.drivers.images.layer_archive import ArchiveEntry, FileAttributes, entries
from fairlead.drivers.images.layer_stream import PIECE, LayerStream
from fairlead.images.layer_plan import (
    OPAQUE_ATTRIBUTE,
    EntryKind,
    HardLink,
    Hide,
    HideBelow,
    LayerError,
    LayerLimits,
    LayerPlan,
    Make,
    Path,
)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE)
_IMPLIED = FileAttributes(0o755, 0, 0, 0, {})  # of folders that the archive has no entry for


def unpack_layer(stream: LayerStream, folder: FilePath, *, keep_owners: bool, limits: LayerLimits) -> None:
    """Write a whole layer below an empty folder.

    Args:
        keep_owners: whether files belong to the users and groups that the archive names, or all to the caller.

    Raises:
        LayerError: the layer is refused. DigestMismatch: it is another. OSError: this machine has no room for it, or
            cannot have one of its files.
    """
    writer = _Writer(folder, keep_owners)
    try:
        plan = LayerPlan(limits)
        for each in entries(stream, limits):
            writer.act(plan.take(each.entry), each)
        stream.check()
        writer.finish()
    finally:
        writer.close()


class _Writer:
    """The folder of one layer while it is written."""

    def __init__(self, folder: FilePath, keep_owners: bool) -> None:
        self._way: list[tuple[str, int]] = [("", os.open(folder, _FOLDER))]  # names and descriptors of open folders
        self._keep_owners = keep_owners
        self._folders: dict[Path, FileAttributes] = {(): _IMPLIED}

    def close(self) -> None:
        for _, fd in self._way:
            os.close(fd)

    def act(self, action: object, of: ArchiveEntry) -> None:
        try:
            self._act(action, of)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise
            raise LayerError(f"{of.entry.name!r}: cannot be created: {error.strerror}") from error
        except (tarfile.TarError, OverflowError) as error:
            raise LayerError(f"{of.entry.name!r}: the archive is damaged: {error}") from error

    def _act(self, action: object, of: ArchiveEntry) -> None:
        match action:
            case Make(path, replaces, hides_lower):
                self._make(path, of, replaces)
                if hides_lower:
                    self._hide_below(path)
            case HardLink(path, target, replaces):
                self._link(path, target, replaces)
            case Hide(path):
                os.mknod(path[-1], stat.S_IFCHR, 0, dir_fd=self._open(path[:-1]))
            case HideBelow(path):
                self._hide_below(path)

    def _make(self, path: Path, of: ArchiveEntry, replaces: bool) -> None:
        if of.entry.kind is EntryKind.FOLDER:
            self._make_folder(path, of.attributes, replaces)
            return
        folder, name = self._open(path[:-1]), path[-1]
        if replaces:
            os.unlink(name, dir_fd=folder)
        match of.entry.kind:
            case EntryKind.FILE:
                assert of.content
                self._write_file(os.open(name, _NEW_FILE, 0o600, dir_fd=folder), of.content, of)
            case EntryKind.LINK:
                os.symlink(of.entry.target, name, dir_fd=folder)
                self._own(name, folder, of.attributes)
            case EntryKind.FIFO:
                os.mkfifo(name, 0o600, dir_fd=folder)
                self._own(name, folder, of.attributes)
                os.chmod(name, of.attributes.mode, dir_fd=folder)  # which follows no link, for it is none

    def _make_folder(self, path: Path, attributes: FileAttributes, replaces: bool) -> None:
        if path and replaces:
            os.unlink(path[-1], dir_fd=self._open(path[:-1]))
        self._open(path)
        self._folders[path] = attributes

    def _write_file(self, fd: int, content: BinaryIO, of: ArchiveEntry) -> None:
        try:
            read = 0
            for offset, size in [(0, of.entry.size)] if of.extents is None else of.extents:
                _read(content, offset - read, lambda piece: None)  # a hole, which reads as zeros
                os.lseek(fd, offset, os.SEEK_SET)
                _read(content, size, lambda piece: _write(fd, piece))
                read = offset + size
            os.ftruncate(fd, of.entry.size)
            self._finish(fd, of.attributes)
        finally:
            os.close(fd)

    def _finish(self, fd: int, attributes: FileAttributes) -> None:
        """In this order: a new owner takes set-user-ID bits and capabilities away, a mode may forbid attributes."""
        if self._keep_owners:
            os.fchown(fd, attributes.uid, attributes.gid)
        for name, value in attributes.xattrs.items():
            with suppress(OSError):  # this file system, or the kernel for this user, has none such
                os.setxattr(fd, name, value)
        os.fchmod(fd, attributes.mode)
        os.utime(fd, ns=(attributes.mtime, attributes.mtime))

    def _own(self, name: str, folder: int, attributes: FileAttributes) -> None:
        if self._keep_owners:
            os.chown(name, attributes.uid, attributes.gid, dir_fd=folder, follow_symlinks=False)
        os.utime(name, ns=(attributes.mtime, attributes.mtime), dir_fd=folder, follow_symlinks=False)

    def _link(self, path: Path, target: Path, replaces: bool) -> None:
        if replaces:
            os.unlink(path[-1], dir_fd=self._open(path[:-1]))
        there = os.dup(self._open(target[:-1]))
        try:
            here = self._open(path[:-1])
            os.link(target[-1], path[-1], src_dir_fd=there, dst_dir_fd=here, follow_symlinks=False)
        finally:
            os.close(there)

    def _hide_below(self, path: Path) -> None:
        os.setxattr(self._open(path), OPAQUE_ATTRIBUTE, b"y")

    def _open(self, path: Path) -> int:
        """A descriptor of a folder, which is made if it is not there; it is good until the next call."""
        same = 0
        while same < min(len(path), len(self._way) - 1) and self._way[same + 1][0] == path[same]:
            same += 1
        while len(self._way) > same + 1:
            os.close(self._way.pop()[1])
        for depth in range(same, len(path)):
            self._way.append((path[depth], self._enter(path[: depth + 1])))
        return self._way[-1][1]

    def _enter(self, path: Path) -> int:
        """Open the folder at a path, whose own folder is the last one open."""
        parent = self._way[-1][1]
        if path not in self._folders:
            os.mkdir(path[-1], 0o700, dir_fd=parent)
            self._folders[path] = _IMPLIED
        return os.open(path[-1], _FOLDER, dir_fd=parent)

    def finish(self) -> None:
        """Set the attributes of all folders, inner ones first."""
        for path in sorted(self._folders, key=len, reverse=True):
            self._finish(self._open(path), self._folders[path])


def _read(content: BinaryIO, size: int, take: Callable[[bytes], None]) -> None:
    """Read so many octets, in pieces."""
    while size > 0:
        piece = content.read(min(PIECE, size))
        if not piece:
            raise LayerError("the archive is damaged: it ends too early")
        take(piece)
        size -= len(piece)


def _write(fd: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(fd, view) :]
