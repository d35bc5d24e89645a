"""A lab under test, driven from outside by the same commands that a user types."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support import saving
from tests.support.kubectls import UNCOLLECTED, kubectls
from tests.support.users import User

BIN = Path(sys.executable).parent
FAIRLEAD = str(BIN / "fairlead")
PATH = f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin"


def eventually(check: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first truthy value of ``check``; the last falsy one or error is shown when the time is up.

    Rests twice as long as it has asked, to leave the machine to those who are to do what is waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        try:
            value = check()
            if value or time.monotonic() > deadline:
                assert value, f"still {value!r} after {seconds} s"
                return value
        except (AssertionError, subprocess.CalledProcessError, KeyError, IndexError):
            if time.monotonic() > deadline:
                raise
        time.sleep(max(0.02, 2 * (time.monotonic() - asked)))


class Lab:
    """A lab of its own name and folders, so that tests may run beside any other lab of this machine.

    Attributes:
        host: the beginning of a command line that runs something on the lab's host, if that is not this machine.
        program: path of the command ``fairlead``.
    """

    program = FAIRLEAD

    def __init__(self, user: User, *up_arguments: str, host: Sequence[str] = ()) -> None:
        self.user, self.host = user, list(host)
        # Not below /tmp, which every container has one of its own of and so would hide the folders of the lab.
        self.folder = Path(tempfile.mkdtemp(prefix="fairlead-test-", dir="/var/tmp"))
        self.name = self.folder.name[-8:].lower().replace("_", "x")
        self.up_arguments = up_arguments
        self.environment = {
            **os.environ,
            "PATH": PATH,
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "KUBECONFIG": str(self.folder / "none"),
        }
        (self.folder / "run").mkdir(mode=0o700)
        os.chmod(self.folder, 0o755)
        if user.uid != os.geteuid():
            for path in (self.folder, self.folder / "run"):
                os.chown(path, user.uid, user.uid)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def command(self, *arguments: str) -> list[str]:
        return [*self.host, *self.user.command(self.program, *arguments)]

    def fairlead(self, *arguments: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run ``fairlead``; a failure shows what it printed."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd="/",
            text=True,
            capture_output=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert not check or done.returncode == 0, f"fairlead {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def configure(self, text: str) -> None:
        """Have it start with a configuration file, which its user may read."""
        config = self.folder / "lab.yaml"
        config.write_text(text)
        config.chmod(0o644)
        self.up_arguments += ("--config", str(config))

    def up(self) -> None:
        self.fairlead("up", "--name", self.name, "--data", str(self.data), "--wait", *self.up_arguments)

    def down(self) -> None:
        self.fairlead("down", "--name", self.name)

    def close(self) -> None:
        """Stop the lab if it still runs, and remove its folders."""
        if saving.is_measured():
            self._save_coverage()
        self.fairlead("down", "--name", self.name, check=False)
        shutil.rmtree(self.folder)

    def exec(self, pod: str, *command: str, check: bool = True) -> str:
        """Output of a command in a Pod of the default namespace."""
        return self.fairlead("exec", "--name", self.name, pod, "--", *command, check=check).stdout

    def on_node(self, node: str, *command: str) -> str:
        """Output of a command in a node's network namespace."""
        return self.fairlead("exec", "--name", self.name, "--node", node, "--", *command).stdout

    @cached_property
    def kubeconfig(self) -> str:
        return self.fairlead("kubeconfig", "--name", self.name, "--path").stdout.strip()

    def kubectl(
        self, *arguments: str, stdin: str | None = None, program: Path | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a real kubectl (the newest one unless told) with the lab's kubeconfig."""
        done = subprocess.run(
            [*self.host, program or kubectls()[-1], "--kubeconfig", self.kubeconfig, *arguments],
            env=self.environment | UNCOLLECTED,
            text=True,
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert not check or done.returncode == 0, f"kubectl {arguments}: {done.stdout}{done.stderr}"
        return done

    def get(self, *arguments: str) -> Any:
        """A kubectl get as parsed JSON."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)

    def _save_coverage(self) -> None:
        """Have every process of the lab save what it has measured, since the lab's end is a SIGKILL."""
        for pid in filter(saving.catches_signal, self.processes()):
            os.kill(pid, saving.SIGNAL)

    def processes(self) -> dict[int, str]:
        """Command lines, by process id of this machine, of this lab's processes: those outside carry its environment,
        those inside its name as an argument; what these started in turn ends with the first of them."""
        needle = f"XDG_RUNTIME_DIR={self.folder}/run".encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (folder / "cmdline").read_bytes().split(b"\0")
                is_inside = b"fairlead.app.lab.init" in b" ".join(arguments) and self.name.encode() in arguments
                if is_inside or needle in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = b" ".join(arguments).decode()
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                continue
        return found

    def component_pids(self) -> dict[str, int]:
        """Processes of this machine by the component log that they write to."""
        found = {}
        for pid in self.processes():
            try:
                log = Path(os.readlink(f"/proc/{pid}/fd/2"))
                session = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if log.suffix == ".log" and log.parent.name == "logs" and session:
                found.setdefault(log.stem, pid)
        return found

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)


@contextmanager
def pods_of(lab: Lab, **container: str) -> Iterator[Callable[..., None]]:
    """Creates Pods of one container, which is like this unless it says otherwise, and deletes them at the end.

    Yields:
        A function of the Pod's name, what is special about its container, and fields of its specification.
    """
    names = []

    def create(name: str, special: dict[str, Any], **fields: Any) -> None:
        spec = {"terminationGracePeriodSeconds": 1, "containers": [{**container, **special}], **fields}
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        lab.kubectl("create", "-f", "-", stdin=json.dumps(document))
        names.append(name)

    yield create
    if names:
        lab.kubectl("delete", "pod", *names, "--ignore-not-found", "--force")
