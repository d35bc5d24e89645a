"""A root folder as a copy of an image's layers, where the kernel refuses overlayfs: slower, and all of it in memory.

Layers are laid over each other as overlayfs would show them: what it takes for whiteouts and opaque folders is so here.
"""

import os
import shutil
import stat
from collections.abc import Sequence
from contextlib import suppress

_OPAQUE = "user.overlay.opaque"


def copy_layers(layers: Sequence[str], target: str) -> None:
    """Lay the folders, from the lowest to the highest, over each other in an empty one.

    Raises:
        OSError: there is no room.
    """
    for layer in layers:
        links: dict[tuple[int, int], str] = {}  # names of files that have several, by device and inode
        for folder, folders, files in os.walk(layer):
            place = os.path.join(target, os.path.relpath(folder, layer))
            for name in (*folders, *files):
                _copy(os.path.join(folder, name), os.path.join(place, name), links)
        for folder, _, _ in os.walk(layer, topdown=False):  # last, for they may forbid what has been made in them
            _finish(folder, os.path.join(target, os.path.relpath(folder, layer)))


def _copy(source: str, place: str, links: dict[tuple[int, int], str]) -> None:
    status = os.lstat(source)
    if stat.S_ISDIR(status.st_mode):
        _make_folder(source, place)
        return
    _remove(place)
    if stat.S_ISCHR(status.st_mode):
        return  # a whiteout
    first = links.setdefault((status.st_dev, status.st_ino), place)
    if first != place:
        os.link(first, place, follow_symlinks=False)
    elif stat.S_ISFIFO(status.st_mode):
        os.mkfifo(place)
    else:
        shutil.copyfile(source, place, follow_symlinks=False)
    _finish(source, place)


def _make_folder(source: str, place: str) -> None:
    """A folder hides what lower layers have there if it is opaque, or if that is no folder."""
    is_opaque = False
    with suppress(OSError):
        is_opaque = os.getxattr(source, _OPAQUE) == b"y"
    if is_opaque or (os.path.lexists(place) and not _is_folder(place)):
        _remove(place)
    if not os.path.lexists(place):
        os.mkdir(place, 0o700)


def _finish(source: str, place: str) -> None:
    """Owner, mode and times."""
    status = os.lstat(source)
    os.chown(place, status.st_uid, status.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(place, stat.S_IMODE(status.st_mode))
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def _remove(place: str) -> None:
    if _is_folder(place):
        shutil.rmtree(place)
    elif os.path.lexists(place):
        os.unlink(place)


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)
