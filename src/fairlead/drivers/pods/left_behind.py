"""Sandboxes and containers that an earlier agent of a node has left running, found by their records.

A folder of a node's has one folder for each Pod, named after its UID: in it the birth records of the sandbox, of each
container (and of what holds its terminal), and what the agent wrote down of each container before it started it.
"""

import asyncio
import os
import signal
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from fairlead.drivers.linux.process_identity import ProcessIdentity, identity_of
from fairlead.drivers.pods.launching.birth_record import read_birth
from fairlead.drivers.pods.launching.launcher import Child, Launcher
from fairlead.drivers.pods.orphan_ends import take_end
from fairlead.nodeagent.credentials import ProcessCredentials

SANDBOX, LAUNCHER = "sandbox", "launcher"
COLLECTED_WITHIN = 100  # looks for the status of a process that has ended, before it is given up
LOOK_EVERY = 0.05  # seconds


class ImageOrigin(msgspec.Struct, frozen=True):
    """The image that a container is of; nothing of it for a command of this machine.

    Attributes:
        image_id: what its status calls it.
        manifest: digest of its manifest.
        stop_signal: what it says.
    """

    image_id: str = ""
    manifest: str = ""
    stop_signal: str = ""


NO_IMAGE = ImageOrigin()


class WrittenContainer(msgspec.Struct, frozen=True):
    """The record of a container.

    Attributes:
        run: number of this run of it.
        started_at: RFC 3339.
        environment, credentials, directory: what commands beside it get.
        pipes: inode of the pipe that each of its streams is, by name; of a terminal nothing.
        own_root: whether its root folder is that of an image.
    """

    run: int
    started_at: str
    environment: dict[str, str]
    credentials: ProcessCredentials
    directory: str
    pipes: dict[str, int]
    own_root: bool = False
    origin: ImageOrigin = NO_IMAGE


class PodFolder:
    """The records of one Pod."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def sandbox(self) -> Path:
        return self.path / SANDBOX

    def container(self, name: str) -> Path:
        return self.path / f"container-{name}"

    def holder(self, name: str) -> Path:
        return self.path / f"terminal-{name}"

    def write(self, name: str, written: WrittenContainer) -> None:
        """Write down a container that is about to start."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.forget(name)
        self._words(name).write_bytes(msgspec.json.encode(written))

    def read(self, name: str) -> WrittenContainer | None:
        """The record of a container; None if it is missing or unreadable."""
        try:
            return msgspec.json.decode(self._words(name).read_bytes(), type=WrittenContainer)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write_addresses(self, addresses: tuple[str, ...]) -> None:
        """Write down the addresses of a sandbox that is about to be made."""
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "addresses").write_text(" ".join(addresses))

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple((self.path / "addresses").read_text().split())

    def forget(self, name: str) -> None:
        """A container has ended, and its end is known."""
        for path in (self.container(name), self.holder(name), self._words(name)):
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the records of the Pod."""
        for path in self.path.glob("*"):
            path.unlink(missing_ok=True)
        if self.path.exists():
            self.path.rmdir()

    def _words(self, name: str) -> Path:
        return self.path / f"words-{name}"


def pod_folders(records: Path) -> Iterator[tuple[str, PodFolder]]:
    """The folder of each Pod, by UID."""
    return (
        ((path.name, PodFolder(path)) for path in records.iterdir() if path.is_dir()) if records.exists() else iter(())
    )


def write_launcher(records: Path, pid: int) -> None:
    """Say which process forks for a node's agent."""
    (records / LAUNCHER).write_text(str(identity_of(pid) or ""))


def kill_pods(records: Path) -> None:
    """End every Pod of a node whose agent has been killed; its launcher first, which may be starting another."""
    try:
        launcher = ProcessIdentity.parse((records / LAUNCHER).read_text())
    except (FileNotFoundError, ValueError):
        return
    if identity_of(launcher.pid) == launcher:
        os.kill(launcher.pid, signal.SIGKILL)
    for _ in range(COLLECTED_WITHIN):
        if identity_of(launcher.pid) != launcher:
            break
        time.sleep(LOOK_EVERY / 10)
    for _, folder in pod_folders(records):
        birth = read_birth(folder.sandbox)
        if birth and identity_of(birth.process.pid) == birth.process:
            os.kill(birth.process.pid, signal.SIGKILL)


def adopt(process: ProcessIdentity, launcher: Launcher, ends: Path) -> Child | None:
    """A process that another agent's launcher has forked; None when it has gone.

    Args:
        launcher: forks what is to be beside it.
        ends: see ``orphan_ends``.
    """
    try:
        pidfd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    if identity_of(process.pid) != process:
        os.close(pidfd)
        return None
    child = Child(process.pid, pidfd, launcher)
    loop = asyncio.get_running_loop()

    def has_ended() -> None:
        loop.remove_reader(pidfd)
        child.collecting = asyncio.ensure_future(_collect(child, process, ends))

    loop.add_reader(pidfd, has_ended)
    return child


async def _collect(child: Child, process: ProcessIdentity, ends: Path) -> None:
    """Its status comes a moment later, from the process that has become its parent; should it not, it counts as
    killed."""
    for _ in range(COLLECTED_WITHIN):
        status = take_end(ends, process)
        if status is not None:
            break
        await asyncio.sleep(LOOK_EVERY)
    child.end(signal.SIGKILL if status is None else status)


def pipe_inode(fd: int) -> int:
    """The inode of the pipe behind a descriptor; 0 for anything else."""
    found = os.fstat(fd)
    return found.st_ino if stat.S_ISFIFO(found.st_mode) else 0


def open_pipes(pid: int, wanted: Mapping[str, int], flags: Mapping[str, int]) -> dict[str, int]:
    """New descriptors of pipes that a process has open, by the names that they are wanted by.

    Args:
        wanted: inodes by name.
        flags: for open(2), by name.
    """
    found: dict[str, int] = {}
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inode = path.stat().st_ino
            for name in wanted.keys() - found.keys():
                if wanted[name] == inode and stat.S_ISFIFO(path.stat().st_mode):
                    found[name] = os.open(path, flags[name] | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
    return found
