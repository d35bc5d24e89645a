"""A lab whose disk is small and really fills up, whose flushes fail, and whose clock is moved while it runs.

The data folder is a file system of its own, in a mount namespace in which all commands of the lab run. Libraries put
before the C library's fail flushes and move the clock. A lab starts its first process without an environment, so the
interpreter is a script that sets the variables.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.support.failing_disk import FailingDisk
from tests.support.jumping_clock import JumpingClock
from tests.support.labs import Lab
from tests.support.users import User

SIZE = 64 << 20  # bytes of the disk
_ENTRY = "import sys; sys.executable = {python!r}; from fairlead.cli.main import main; sys.exit(main())"


class HurtLab(Lab):
    """The lab, its disk and its clock.

    Attributes:
        disk: its switch ``flush_fails``.
        clock: the time of day of all processes of the lab but those that run in Pods.
    """

    def __init__(self, user: User, *up_arguments: str) -> None:
        super().__init__(user, *up_arguments)
        self.disk, self.clock = FailingDisk(self.folder), JumpingClock(self.folder)
        self.program = str(self._program())
        self.data.mkdir()
        users = [] if os.geteuid() == 0 else ["--map-root-user"]
        mount = f"mount -t tmpfs -o size={SIZE},mode=0700,uid={user.uid if not users else 0} tmpfs {self.data}"
        self._holder = subprocess.Popen(
            ["unshare", *users, "--mount", "sh", "-ec", f"{mount}; echo made; exec sleep infinity"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout.readline() == "made\n"
        own = ["--user", "--preserve-credentials"] if users else []
        self.host = ["nsenter", "--target", str(self._holder.pid), *own, "--mount", "--"]

    @property
    def seen_data(self) -> Path:
        """The data folder as this machine reaches it."""
        return Path(f"/proc/{self._holder.pid}/root{self.data}")

    def _program(self) -> Path:
        """The command ``fairlead``, of an interpreter that goes by the switches."""
        libraries = f"{self.disk.environment['LD_PRELOAD']}:{self.clock.environment['LD_PRELOAD']}"
        variables = {**self.disk.environment, **self.clock.environment, "LD_PRELOAD": libraries}
        told = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
        python = self._script("python", f"exec env {told} {shlex.quote(sys.executable)}")
        return self._script("fairlead", f"exec {python} -c {shlex.quote(_ENTRY.format(python=str(python)))}")

    def _script(self, name: str, command: str) -> Path:
        path = self.folder / name
        path.write_text(f'#!/bin/sh\n{command} "$@"\n')
        path.chmod(0o755)
        return path

    def fill_disk(self, but: int = 0) -> None:
        """Take all the room that there is but so many bytes, as some other program would."""
        with self._others.open("wb", buffering=0) as file:
            found = os.statvfs(self.seen_data)
            os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - but - (1 << 20)))
            file.seek(0, os.SEEK_END)
            if but:
                return
            for size in (1 << 20, 4096):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError:
                    continue

    def empty_disk(self) -> None:
        self._others.unlink(missing_ok=True)

    @property
    def _others(self) -> Path:
        return self.seen_data / "others"

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._holder.kill()
            self._holder.wait()
            self._holder.stdout.close()
