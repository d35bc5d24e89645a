"""An API server as a process on loopback, for tests that need a real one."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from tests.support.kubectls import UNCOLLECTED

REPOSITORY = Path(__file__).parents[2]


class ApiServer:
    """One server process over one data directory; may be killed and started again."""

    def __init__(self, data, environment=None, options=(), descriptors=0, wrapper=()):
        self.environment, self.options = {**os.environ, **(environment or {})}, options
        self.wrapper = wrapper  # a program, and its arguments, that becomes the server
        self.descriptors = descriptors  # how many it may have; 0: as many as this process
        self.data = Path(data)
        self.kubeconfig = self.data / "admin.kubeconfig"
        self.process = None
        self.port = 0

    def start(self):
        limit = ["prlimit", f"--nofile={self.descriptors}"] if self.descriptors else []
        command = [
            *self.wrapper,
            *limit,
            sys.executable,
            "-m",
            "fairlead",
            "apiserver",
            "--data",
            self.data,
            "--listen",
            f"127.0.0.1:{self.port}",
            *self.options,
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment
        )
        line = self.process.stdout.readline()
        match = re.search(r"serving https://127.0.0.1:(\d+)", line)
        if match is None:
            raise AssertionError(f"the API server did not start: {line}{self.process.stdout.read()}")
        self.port = int(match[1])
        return self

    @property
    def token(self):
        return (self.data / "tokens.csv").read_text().partition(",")[0]

    def kill(self):
        self._end(signal.SIGKILL)

    def stop(self):
        if self.process and self.process.poll() is None:
            self._end(signal.SIGTERM)

    def _end(self, number):
        self.process.send_signal(number)
        self.process.wait(60)
        self.process.stdout.close()

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def running_api_server(data):
    server = ApiServer(data).start()
    try:
        yield server
    finally:
        server.stop()


class Kubectl:
    """One version of kubectl against one server, with a cache of its own."""

    def __init__(self, program, server, home):
        self.program = program
        own = {"HOME": str(home), "PATH": os.environ["PATH"], "KUBECONFIG": str(server.kubeconfig)}
        self._environment = own | UNCOLLECTED

    def try_(self, *arguments, stdin=None, **environment):
        """(exit code, standard output, standard error) of a run that may fail."""
        text = stdin if stdin is None or isinstance(stdin, str) else json.dumps(stdin)
        done = subprocess.run(
            [self.program, *arguments],
            input=text,
            env=self._environment | environment,
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def __call__(self, *arguments, stdin=None):
        """Standard output of a run that must succeed and complain of nothing."""
        code, out, err = self.try_(*arguments, stdin=stdin)
        assert (code, err) == (0, ""), f"kubectl {' '.join(map(str, arguments))}: exit {code}\n{out}{err}"
        return out

    def fails(self, *arguments, stdin=None):
        """Standard error of a run that must fail."""
        code, out, err = self.try_(*arguments, stdin=stdin)
        assert code != 0, out
        return err

    def json(self, *arguments):
        return json.loads(self(*arguments, "-o", "json"))

    @contextmanager
    def watching(self, *arguments):
        """The lines of a ``get -w`` as they come."""
        process = subprocess.Popen(
            [self.program, "get", "-w", *arguments], env=self._environment, text=True, stdout=subprocess.PIPE
        )
        try:
            yield process.stdout
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    @contextmanager
    def proxying(self):
        """The URL at which ``kubectl proxy`` serves."""
        process = subprocess.Popen(
            [self.program, "proxy", "--port=0"], env=self._environment, text=True, stdout=subprocess.PIPE
        )
        try:
            yield f"http://{process.stdout.readline().split()[-1]}"
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def wait_until(condition, seconds=60.0):
    """Poll until the condition gives something true, and give it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")
