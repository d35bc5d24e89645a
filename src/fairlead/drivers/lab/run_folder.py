"""Where a running lab keeps what is needed to find it: one folder per lab name, private to its user.

``$XDG_RUNTIME_DIR/fairlead/NAME`` (or ``/tmp/fairlead-UID/fairlead/NAME``) holds the lock, ``lab.json``, the
kubeconfig, the control socket and, for a lab without a data folder, its data. The lock is an flock that the lab's
processes inherit: while it is held, one of them still lives; once it is free, the folder is a leftover and anybody may
remove it.
"""

import fcntl
import json
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class InUse(Exception):
    """Another lab holds the folder."""


class Unusable(Exception):
    """There can be no folder in which labs are found, or somebody else could write to it."""


def root() -> Path:
    """The folder of all labs of this user, made if need be.

    Raises:
        Unusable: it cannot be made, or belongs to somebody else.
    """
    base = os.environ.get("XDG_RUNTIME_DIR") or f"{tempfile.gettempdir()}/fairlead-{os.getuid()}"
    path = Path(base, "fairlead")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unusable(f"cannot make {path}: {error.strerror}; set XDG_RUNTIME_DIR to a folder of yours") from error
    status = path.stat()
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o022:
        raise Unusable(f"{path} must belong to you and be writable by nobody else; remove it, or set XDG_RUNTIME_DIR")
    return path


def claim(folder: Path) -> int:
    """Make the folder and lock it; the descriptor holds the lock until its last copy is closed.

    Raises:
        InUse: a living process has it locked.
    """
    while True:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # somebody removed the folder as a leftover just now
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise InUse(str(folder)) from None
        if _is_at(fd, folder / "lock"):
            return fd
        os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def remove_leftovers() -> None:
    """Remove the folders of labs of which no process lives."""
    for folder in root().iterdir():
        try:
            lock = claim(folder)
        except InUse:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def published_table(folder: Path) -> Path:
    """Where the lab of a run folder tells what it publishes on this machine."""
    return folder / "published.json"


@dataclass(frozen=True)
class RunningLab:
    """A lab as its ``lab.json`` describes it.

    Attributes:
        folder: its run folder.
        pid: the outermost process, in the PID namespace of whoever started it.
        server: URL of its API server on this machine; where the lab's first host is, if that is another.
        joined_as: the node that this host has in a lab of another host; empty for a lab of this one.
    """

    folder: Path
    pid: int
    server: str
    joined_as: str = ""

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
        draft.write_text(json.dumps({"pid": self.pid, "server": self.server, "joinedAs": self.joined_as}))
        draft.rename(self.folder / "lab.json")


def running_labs() -> list[RunningLab]:
    """The labs that are up, by name; leftovers are removed on the way."""
    remove_leftovers()
    found = (find(folder.name) for folder in sorted(root().iterdir()))
    return [lab for lab in found if lab is not None]


def find(name: str) -> RunningLab | None:
    """The lab with this name, or None when none is up."""
    folder = root() / name
    try:
        description: dict[str, Any] = json.loads((folder / "lab.json").read_text())
    except FileNotFoundError:
        return None
    return RunningLab(folder, description["pid"], description["server"], description.get("joinedAs", ""))
