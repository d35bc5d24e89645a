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
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from fairlead.app.lab.host.data_folder import API_PORT_FILE
from tests.support import saving
from tests.support.kubectls import UNCOLLECTED, kubectls
from tests.support.lab_api import LabApi, NotThereError
from tests.support.net.ports import free_port
from tests.support.users import CHECKOUT, User
from tests.support.warm_commands import START, WarmCommands

BIN = Path(sys.executable).parent
FAIRLEAD = str(BIN / "fairlead")
PATH = f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin"
# Commands that leave processes behind, and the end of a lab. They start as a user starts them.
COLD = {("up",), ("down",), ("node", "join")}


def eventually(check: Callable[[], Any], seconds: float = 60.0) -> Any:
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
        except (AssertionError, subprocess.CalledProcessError, KeyError, IndexError, ValueError):
            if time.monotonic() > deadline:
                raise
        time.sleep(max(0.05, 2 * (time.monotonic() - asked)))


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

    def placed(self, *words: str) -> list[str]:
        """A command line that runs a program on the lab's host, as its user."""
        return [*self.host, *self.user.command(*words)]

    def command(self, *arguments: str) -> list[str]:
        return self.placed(self.program, *arguments)

    @cached_property
    def warm_commands(self) -> WarmCommands:
        # Without the lab's folders in its environment: it is no process of the lab.
        return WarmCommands(self.placed(*START), {**os.environ, "PYTHONPATH": f"{CHECKOUT}:{CHECKOUT}/src"})

    def fairlead(self, *arguments: str, check: bool = True, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Run ``fairlead``, where possible in a fork (``warm_commands``); a failure shows what it printed."""
        if {arguments[:1], arguments[:2]} & COLD or saving.is_measured():
            return self.start(*arguments, check=check, timeout=timeout)
        return self._checked(self.warm_commands.run(arguments, self.environment, timeout), check)

    def start(self, *arguments: str, check: bool = True, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Run ``fairlead`` as a process of its own, as a user does; for tests of the process."""
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
        return self._checked(done, check)

    def _checked(self, done: subprocess.CompletedProcess[str], check: bool) -> subprocess.CompletedProcess[str]:
        assert not check or done.returncode == 0, f"{done.args}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def configure(self, text: str) -> None:
        """Have it start with a configuration file, which its user may read."""
        config = self.folder / "lab.yaml"
        config.write_text(text)
        config.chmod(0o644)
        self.up_arguments += ("--config", str(config))

    def up(self) -> None:
        if not self.data.exists():
            self._choose_port()
        self.fairlead("up", "--name", self.name, "--data", str(self.data), "--wait", *self.up_arguments)

    def _choose_port(self) -> None:
        """Give the API server a port that no other lab takes while this one is down."""
        file = self.data / API_PORT_FILE
        self.data.mkdir(mode=0o700)
        file.write_text(str(free_port()))
        for path in (self.data, file):
            os.chown(path, self.user.uid, self.user.uid)

    def down(self) -> None:
        self.fairlead("down", "--name", self.name)

    def close(self) -> None:
        """Stop the lab if it still runs, and remove its folders."""
        if saving.is_measured():
            self._save_coverage()
        for opened in {"warm_commands", "api"} & self.__dict__.keys():
            getattr(self, opened).close()
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
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, f"kubectl {arguments}: {done.stdout}{done.stderr}"
        return done

    @cached_property
    def api(self) -> LabApi:
        """Its API, for what is not about kubectl."""
        return LabApi(Path(self.kubeconfig))

    def get(self, *arguments: str) -> Any:
        """What ``kubectl get`` shows as JSON, asked without it where that is simple."""
        found = None if self.host else self.api.get(*arguments)
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout) if found is None else found

    def create(self, *documents: dict[str, Any]) -> None:
        for document in documents:
            self.api.create(document)

    def delete_pods(self, *names: str) -> None:
        """Delete Pods of the default namespace at once, those that are still there."""
        for name in names:
            self.api.delete_pod(name)

    def until_ready(self, *pods: str, seconds: int = 60) -> None:
        """Return when these Pods of the default namespace are ready."""
        for pod in pods:
            eventually(partial(self._is_ready, pod), seconds)

    def _is_ready(self, pod: str) -> bool:
        return is_ready(self.get("pod", pod))

    def is_gone(self, kind: str, name: str) -> bool:
        """Whether there is no such object in the default namespace, or in the cluster."""
        with suppress(NotThereError):
            return not self.get(kind, name)
        return True

    def log(self, pod: str, container: str = "") -> str:
        """What a container of a Pod of the default namespace has printed, its only one unless named."""
        return self.api.log(pod, container)

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
        """Processes of this machine by the component log that they write to; what they have forked writes there too."""
        logs, parents = {}, {}
        for pid in self.processes():
            try:
                log = Path(os.readlink(f"/proc/{pid}/fd/2"))
                parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if log.suffix == ".log" and log.parent.name == "logs" and parent:
                logs[pid], parents[pid] = log.stem, parent
        return {log: pid for pid, log in logs.items() if logs.get(parents[pid]) != log}

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)


def is_ready(pod: dict[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


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
        lab.create(document)
        names.append(name)

    yield create
    lab.delete_pods(*names)
