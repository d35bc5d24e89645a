"""Where a running lab keeps what is needed to find it: one folder per lab name, private to its user.

``$XDG_RUNTIME_DIR/fairlead/NAME`` (or ``/tmp/fairlead-UID/fairlead/NAME``) holds the lock, ``lab.json``, the
kubeconfig, the control socket and, for a lab without a data folder, its data. The lock is an flock that the lab's
processes inherit: while it is held, one of them still lives; once it is free, the folder is a leftover and any command
of its user may remove it. The lock's text is the mark of such a folder: nothing without it is ever removed.
"""

import fcntl
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fairlead.drivers.linux.id_range import own_range
from fairlead.drivers.linux.private_folder import Untrusted, open_private
from fairlead.drivers.linux.user_namespace import with_range

MARK = b"run folder of a Fairlead lab\n"
LOCK = "lock"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class RunFolderInUse(Exception):
    """Another lab holds the folder."""


class Unusable(Exception):
    """The folder for labs cannot be created, or another user could write to it."""


def root() -> Path:
    """The folder of all labs of this user, made if need be; nobody else can read or replace it.

    Raises:
        Unusable: it cannot be created, or another user controls a part of its path.
    """
    with _root() as (path, _):
        return path


@contextmanager
def _root() -> Iterator[tuple[Path, int]]:
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
    with _root() as (path, labs):
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
    folder = _open_own(labs, name)
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
    lock = os.open(LOCK, _FILE | os.O_CREAT, 0o600, dir_fd=folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise RunFolderInUse(str(shown)) from None
    return lock


def _open_own(parent: int, name: str) -> int | None:
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
        lock = os.open(LOCK, _FILE, dir_fd=folder)
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
    with _root() as (path, labs):
        for name in os.listdir(labs):
            with suppress(FileNotFoundError, RunFolderInUse):
                _remove_leftover(labs, name, path / name)


def _remove_leftover(labs: int, name: str, shown: Path) -> None:
    folder = _open_own(labs, name)
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


def marks_folder(folder: Path) -> Path:
    """Where sockets are that hear how changes spread in the lab of a run folder; there is none while nobody listens."""
    return folder / "marks"


def published_table(folder: Path) -> Path:
    """Where the lab of a run folder tells what it publishes on this machine."""
    return folder / "published.json"


class ProxylessNodes(NamedTuple):
    """Nodes that have no proxy of the lab's own.

    Attributes:
        usual: whether that is all of them but the others, or none of them but these.
        others: their names.
    """

    usual: bool = False
    others: tuple[str, ...] = ()

    def include(self, node: str) -> bool:
        """Whether a node is one."""
        return self.usual != (node in self.others)


def proxyless_from(row: Sequence[Any]) -> ProxylessNodes:
    """Convert a value that JSON has turned into a list."""
    usual, others = row
    return ProxylessNodes(usual, tuple(others))


ALL_HAVE_PROXIES = ProxylessNodes()


@dataclass(frozen=True)
class RunningLab:
    """A lab as its ``lab.json`` describes it.

    Attributes:
        folder: its run folder.
        pid: the outermost process, in the PID namespace of the user that started it.
        server: URL of its API server on this machine; where the lab's first host is, if that is another.
        loopback: the number of a lab without namespaces; None: it has them.
        joined_as: the node that this host has in a lab of another host; empty for a lab of this one.
        proxyless: the nodes of which there is no proxy to ask how far it is.
    """

    folder: Path
    pid: int
    server: str
    joined_as: str = ""
    loopback: int | None = None
    proxyless: ProxylessNodes = ALL_HAVE_PROXIES

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def control(self) -> Path:
        return self.folder / "control"

    @property
    def published(self) -> Path:
        """The table of what is published on this machine, while anything is."""
        return published_table(self.folder)

    def write(self) -> None:
        """Make the lab known."""
        draft = self.folder / "lab.json.new"
        told = {
            "pid": self.pid,
            "server": self.server,
            "joinedAs": self.joined_as,
            "loopback": self.loopback,
            "proxyless": self.proxyless,
        }
        draft.write_text(json.dumps(told))
        draft.rename(self.folder / "lab.json")


def running_labs() -> list[RunningLab]:
    """The labs that are up, by name; leftovers are removed on the way."""
    remove_leftovers()
    found = (find(folder.name) for folder in sorted(root().iterdir()))
    return [lab for lab in found if lab is not None]


def find(name: str) -> RunningLab | None:
    """The lab with this name, or None when none is up."""
    with _root() as (path, labs):
        try:
            folder = _open_own(labs, name)
            if folder is None:
                return None
            try:
                with open(os.open("lab.json", _FILE, dir_fd=folder)) as file:
                    description: dict[str, Any] = json.load(file)
            finally:
                os.close(folder)
        except FileNotFoundError:
            return None
    joined_as, loopback = description.get("joinedAs", ""), description.get("loopback")
    proxyless = proxyless_from(description.get("proxyless", ALL_HAVE_PROXIES))
    return RunningLab(path / name, description["pid"], description["server"], joined_as, loopback, proxyless)
