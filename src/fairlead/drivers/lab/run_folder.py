"""The run folder of a lab, by which commands find it: one per lab name, private to its user.

``$XDG_RUNTIME_DIR/fairlead/NAME`` (or ``/tmp/fairlead-UID/fairlead/NAME``) holds the lock, ``lab.json``, the
kubeconfig, the control socket and, for a lab without a data folder, its data. The lock is an flock that the lab's
processes inherit: while it is held, one of them still lives; once it is free, the folder is a leftover and any command
of its user may remove it. The lock's text is the mark of such a folder: nothing without it is ever removed.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fairlead.drivers.linux.id_range import own_range
from fairlead.drivers.linux.private_folder import Untrusted, open_private
from fairlead.drivers.linux.user_namespace import with_range

MARK = b"run folder of a Fairlead lab\n"
LOCK = "lock"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class RunFolderInUse(Exception):
    """Another lab holds the folder."""


class Unusable(Exception):
    """The folder for labs cannot be created, or another user could write to it."""


def root() -> Path:
    """The folder of all labs of this user, made if need be; nobody else can read or replace it.

    Raises:
        Unusable: it cannot be created, or another user controls a part of its path.
    """
    with opened_root() as (path, _):
        return path


@contextmanager
def opened_root() -> Iterator[tuple[Path, int]]:
    """The folder of all labs, and a descriptor of it. Below the shared temporary folder, one more folder is ours."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    path = Path(given or f"{tempfile.gettempdir()}/fairlead-{os.geteuid()}", "fairlead").absolute()
    try:
        fd = open_private(path, within=0 if given else 1)
    except Untrusted as error:
        raise Unusable(f"{error}; remove it, or set XDG_RUNTIME_DIR to a folder that is yours alone") from error
    except OSError as error:
        raise Unusable(f"cannot use {path}: {error.strerror}; set XDG_RUNTIME_DIR to a folder of yours") from error
    try:
        yield path, fd
    finally:
        os.close(fd)


def claim(name: str) -> int:
    """Make the run folder of a lab and lock it; the descriptor holds the lock until its last copy is closed.

    Raises:
        InUse: a living process has it locked.
        Unusable: there is something of that name which is no run folder.
    """
    with opened_root() as (path, labs):
        while True:
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=labs)
            try:
                if (lock := _lock_in(labs, name, path / name)) is not None:
                    return lock
            except FileNotFoundError:  # another process has just removed the folder as a leftover
                continue


def _lock_in(labs: int, name: str, shown: Path) -> int | None:
    """Lock a run folder and mark it if it is empty; None if the folder was replaced in between."""
    folder = open_own(labs, name)
    if folder is None:
        raise Unusable(f"{shown} is not a folder of yours: remove it, or give the lab another name")
    try:
        if not _is_marked(folder) and set(os.listdir(folder)) - {LOCK}:
            raise Unusable(f"{shown} is in use for something else: remove it, or give the lab another name")
        lock = hold(folder, shown)
        if _is_at(folder, name, labs):
            os.ftruncate(lock, 0)
            os.pwrite(lock, MARK, 0)
            return lock
        os.close(lock)
        return None
    finally:
        os.close(folder)


def hold(folder: int, shown: Path) -> int:
    """Lock a folder through a file in it, which is made if need be.

    Raises:
        InUse: a living process has it locked.
    """
    lock = os.open(LOCK, FILE_FLAGS | os.O_CREAT, 0o600, dir_fd=folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise RunFolderInUse(str(shown)) from None
    return lock


def open_own(parent: int, name: str) -> int | None:
    """A descriptor of a folder of our user; None for a link, a file, or a folder of another user."""
    try:
        folder = os.open(name, _FOLDER, dir_fd=parent)
    except (NotADirectoryError, PermissionError):
        return None
    if os.fstat(folder).st_uid == os.geteuid():
        return folder
    os.close(folder)
    return None


def _is_marked(folder: int) -> bool:
    try:
        lock = os.open(LOCK, FILE_FLAGS, dir_fd=folder)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(lock).st_mode) and os.pread(lock, len(MARK) + 1, 0) == MARK
    finally:
        os.close(lock)


def _is_at(folder: int, name: str, parent: int) -> bool:
    """Whether a folder is still what has that name."""
    try:
        return os.path.samestat(os.fstat(folder), os.stat(name, dir_fd=parent, follow_symlinks=False))
    except FileNotFoundError:
        return False


def remove_leftovers() -> None:
    """Remove the folders of labs of which no process lives; what else there may be is left alone."""
    with opened_root() as (path, labs):
        for name in os.listdir(labs):
            with suppress(FileNotFoundError, RunFolderInUse):
                _remove_leftover(labs, name, path / name)


def _remove_leftover(labs: int, name: str, shown: Path) -> None:
    folder = open_own(labs, name)
    if folder is None:
        return
    try:
        if not _is_marked(folder):
            return
        lock = hold(folder, shown)
        if _is_at(folder, name, labs):
            _remove(labs, name)
        os.close(lock)
    finally:
        os.close(folder)


def remove(folder: Path) -> None:
    """Remove a run folder that the caller holds; links in it are removed, and never followed."""
    with suppress(FileNotFoundError):
        labs = os.open(folder.parent, _FOLDER)
        try:
            _remove(labs, folder.name)
        finally:
            os.close(labs)


def _remove(labs: int, name: str) -> None:
    """The mark goes last: a removal that is killed half-way leaves a leftover, not a folder that nobody may remove."""
    folder = os.open(name, _FOLDER, dir_fd=labs)
    try:
        for entry in set(os.listdir(folder)) - {LOCK}:
            _remove_entry(folder, entry)
        if os.listdir(folder) == [LOCK]:
            os.unlink(LOCK, dir_fd=folder)
            os.rmdir(name, dir_fd=labs)
    finally:
        os.close(folder)


def _remove_entry(folder: int, entry: str) -> None:
    try:
        os.unlink(entry, dir_fd=folder)
    except IsADirectoryError:
        assert shutil.rmtree.avoids_symlink_attacks  # it goes by descriptors on this system
        shutil.rmtree(entry, ignore_errors=True, dir_fd=folder)
        if _is_there(folder, entry) and (ids := own_range()):  # what users of our range have written to volumes
            with_range(ids, lambda: shutil.rmtree(entry, ignore_errors=True, dir_fd=folder))


def _is_there(folder: int, entry: str) -> bool:
    try:
        os.stat(entry, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
