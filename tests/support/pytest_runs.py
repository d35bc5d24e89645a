"""Runs of pytest with the plugin, each a process of its own over files of its own, as root or as an ordinary user."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.labs import FAIRLEAD, PATH
from tests.support.users import User

# Options against plugins of this environment that cost each process of a run a second.
UNRELATED = "-p no:hypothesispytest -p no:anyio"
_TALLY = re.compile(r"(\d+) (passed|failed|errors?|deselected)")
_END = re.compile(r"^(PASSED|FAILED|ERROR) (\w+\.py::\S+)", re.MULTILINE)


class Run:
    """A run that has ended."""

    def __init__(self, code: int, output: str) -> None:
        self.code, self.output = code, output

    @property
    def counts(self) -> dict[str, int]:
        """How many tests came to what, as the last line says."""
        last = next((line for line in reversed(self.output.splitlines()) if " in " in line), "")
        return {
            word.removesuffix("s") if word == "errors" else word: int(number) for number, word in _TALLY.findall(last)
        }

    @property
    def ends(self) -> dict[str, str]:
        """How each test has ended, in a run with ``-rA``: ``PASSED``, ``FAILED`` or ``ERROR`` by the test."""
        return {test: end for end, test in _END.findall(self.output)}

    def __repr__(self) -> str:
        return f"exit code {self.code}\n{self.output}"


class Suite:
    """A folder with tests, whose labs its own runs alone find; not below /tmp, which containers have of their own."""

    def __init__(self, user: User, **files: str) -> None:
        self.user = user
        self.folder = Path(tempfile.mkdtemp(prefix="fairlead-test-", dir="/var/tmp"))
        (self.folder / "run").mkdir(mode=0o700)
        (self.folder / "pytest.ini").write_text(f"[pytest]\naddopts = -ra -p no:cacheprovider {UNRELATED}\n")
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)
        if user.uid != os.geteuid():
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, user.uid, user.uid)
        self.environment = {
            **os.environ,
            "PATH": PATH,
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a run, in a process group of its own, that ends by SIGINT even if this process ignores it."""
        return subprocess.Popen(
            self.user.command("env", "--default-signal=INT", sys.executable, "-m", "pytest", *arguments),
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    def run(self, *arguments: str, seconds: float = 600) -> Run:
        """One run of pytest over the folder."""
        process = self.start(*arguments)
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return Run(process.returncode, output)

    def fairlead(self, *arguments: str) -> str:
        """What a command prints, where the suite's labs are found."""
        command = self.user.command(FAIRLEAD, *arguments)
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout

    def left(self) -> list[str]:
        """What labs have left in the folder where they are found, and processes that know that folder."""
        folder = self.folder / "run" / "fairlead"
        found = [path.name for path in folder.iterdir()] if folder.exists() else []
        needle = f"XDG_RUNTIME_DIR={self.folder}/run".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if needle in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                continue
        return found

    def close(self) -> None:
        shutil.rmtree(self.folder)
