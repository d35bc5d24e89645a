"""Opens a folder that nobody but its owner can read or replace, looking at every component of its path by itself.

A path is as safe as the weakest folder on its way: who may write to one of them may put a link, or a folder of their
own, in the place of the next. So each component is opened below the one before it, never through a link that another
user could have put there, as sshd and sudo look at the files that they trust (``safe_path``, ``sudo_secure_path``).
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE = 0o700
_MOST_LINKS = 40  # as the kernel: path_resolution(7)
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ALL_USERS = ["0", "0", "4294967295"]  # uid_map of a user namespace that knows every user


class Untrusted(Exception):
    """Another user could read or replace a path; the message says which part of it, and why."""


@contextmanager
def private_folder(path: Path, *, within: int = 0) -> Iterator[int]:
    """A descriptor of the folder at a path: the caller's own, and readable by nobody else. What is missing is made.

    Args:
        within: how many components at the end, before the last one, must be private as well.

    Raises:
        Untrusted: a component belongs to another user, or could be replaced by one.
        OSError: a component is no folder, or cannot be opened or made.
    """
    fd = open_private(path, within=within)
    try:
        yield fd
    finally:
        os.close(fd)


def open_private(path: Path, *, within: int = 0) -> int:
    """Like ``private_folder``, for a caller that closes the descriptor itself."""
    parts = path.absolute().parts[1:]
    split = len(parts) - 1 - within
    fd = _walk(parts[:split])
    for name in parts[split:]:
        fd = _enter_private(fd, name, path)
    return fd


def _walk(parts: tuple[str, ...]) -> int:
    """A descriptor of the folder at these components, each of which others leave alone."""
    root = os.open("/", _LOOK | os.O_DIRECTORY)
    fd, ahead, shown, links = root, list(reversed(parts)), Path("/"), 0
    while ahead:
        name = ahead.pop()
        _require_kept(fd, shown)
        inner = _look_or_make(fd, name)
        if stat.S_ISLNK(os.fstat(inner).st_mode):
            _require_unshared(fd, shown, name)
            target, links = os.readlink("", dir_fd=inner), links + 1
            if links > _MOST_LINKS:
                raise Untrusted(f"{shown / name}: too many links")
            os.close(inner)
            ahead += reversed(Path(target).parts)
            continue
        shown = shown / name  # a link's target may begin at the root again
        os.close(fd)
        fd = inner
    _require_kept(fd, shown)
    return fd


def _look_or_make(parent: int, name: str) -> int:
    try:
        return os.open(name, _LOOK, dir_fd=parent)
    except FileNotFoundError:
        _make(parent, name)
        return os.open(name, _LOOK | os.O_DIRECTORY, dir_fd=parent)


def _make(parent: int, name: str) -> None:
    try:
        os.mkdir(name, PRIVATE, dir_fd=parent)
    except FileExistsError:  # another process of ours was faster; whose it is will be seen
        return


def _require_kept(fd: int, shown: Path) -> None:
    """Raises Untrusted if others could replace what is in a folder."""
    status = os.fstat(fd)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(20, "Not a directory", str(shown))
    if not _is_trusted(status.st_uid):
        raise Untrusted(f"{shown} belongs to another user, number {status.st_uid}")
    if _others_write(status) and not status.st_mode & stat.S_ISVTX:
        raise Untrusted(f"{shown} can be written to by others: take that away with `chmod go-w`")


def _require_unshared(fd: int, shown: Path, link: str) -> None:
    """Raises Untrusted if others may put links into a folder, as into /tmp."""
    if _others_write(os.fstat(fd)):
        raise Untrusted(f"{shown / link} is a link in a folder that others can write to")


def _others_write(status: os.stat_result) -> bool:
    own_group = status.st_gid == os.getegid()  # on many systems every user has a group alone
    return bool(status.st_mode & (0o002 if own_group else 0o022))


def _is_trusted(uid: int) -> bool:
    """Whether a user may decide where our folders lie: we, root, and a root that our user namespace does not know."""
    return uid in (0, os.geteuid()) or (uid == _overflow_uid() and _in_small_namespace())


def _overflow_uid() -> int:
    return int(Path("/proc/sys/kernel/overflowuid").read_text())


def _in_small_namespace() -> bool:
    return Path("/proc/self/uid_map").read_text().split() != _ALL_USERS


def _enter_private(parent: int, name: str, path: Path) -> int:
    """Open, or make, a folder that must be the caller's alone; closes the parent."""
    try:
        _make(parent, name)
        fd = os.open(name, _OPEN, dir_fd=parent)
    except NotADirectoryError:
        raise Untrusted(f"{path}: {name} is a link or a file, where a folder is needed") from None
    finally:
        os.close(parent)
    try:
        _require_private(fd, name, path)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _require_private(fd: int, name: str, path: Path) -> None:
    status = os.fstat(fd)
    if status.st_uid != os.geteuid():
        raise Untrusted(f"{path}: {name} belongs to another user, number {status.st_uid}")
    if _others_write(status):
        raise Untrusted(f"{path}: {name} can be written to by others, who may have put something there")
    if stat.S_IMODE(status.st_mode) & 0o077:
        os.fchmod(fd, PRIVATE)
