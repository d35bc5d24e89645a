"""The other end of ``forker``: commands and sockets inside a lab, for programs that have threads."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from fairlead.drivers.lab.enter import EnteredCommand, Place
from fairlead.drivers.lab.forker import LONGEST, kind_of, taken

_KILLED = 128 + signal.SIGKILL


class Finished(NamedTuple):
    """A command that has ended.

    Attributes:
        code: its exit code, 128 + n when signal n ended it.
    """

    code: int
    stdout: bytes
    stderr: bytes


class TimedOut(Exception):
    """The command was still running when its time was over, and has been killed."""

    def __init__(self, seconds: float, so_far: Finished) -> None:
        super().__init__(f"still running after {seconds:.1f} s")
        self.so_far = so_far


@dataclass
class RunningCommand:
    """A command that runs. Close its streams, and collect it with ``wait``, ``finish`` or ``kill``.

    Attributes:
        stdin, stdout, stderr: this process's ends of pipes, -1 for what is not a pipe.
    """

    pid: int
    stdin: int
    stdout: int
    stderr: int
    _answer: socket.socket

    def wait(self, seconds: float | None = None) -> int | None:
        """The exit code; None when it still runs after so many seconds."""
        self._answer.settimeout(seconds)
        try:
            message = self._answer.recv(LONGEST)
        except TimeoutError:
            return None
        self._answer.close()
        document = json.loads(message) if message else {"code": _KILLED}
        if "error" in document:
            raise OSError(document["errno"], document["error"])
        return int(document["code"])

    def kill(self) -> None:
        """End it at once, with everything that the lab runs for it."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._answer.close()

    def finish(self, stdin: bytes = b"", seconds: float | None = None) -> Finished:
        """Give it all of its input, read all of its output, and collect it.

        Raises:
            TimedOut: it takes longer.
        """
        output: dict[int, bytes] = {}
        threads = [threading.Thread(target=_read, args=(fd, output), daemon=True) for fd in (self.stdout, self.stderr)]
        threads.append(threading.Thread(target=_write, args=(self.stdin, stdin), daemon=True))
        for thread in threads:
            thread.start()
        code = self.wait(seconds)
        if code is None:
            self.kill()
        for thread in threads:
            thread.join(None if code is None else 1.0)  # what it left in the background may keep its output open
        done = Finished(_KILLED if code is None else code, output.get(self.stdout, b""), output.get(self.stderr, b""))
        if code is None:
            raise TimedOut(seconds or 0.0, done)
        return done


def _read(fd: int, output: dict[int, bytes]) -> None:
    with open(fd, "rb", buffering=0) as pipe:
        while part := pipe.read(65536):
            output[fd] = output.get(fd, b"") + part


def _write(fd: int, text: bytes) -> None:
    with suppress(BrokenPipeError), open(fd, "wb") as pipe:
        pipe.write(text)


class Forker:
    """A process that forks for this one. May be used by several threads; close it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from fairlead.drivers.lab.forker import main; main()", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for this process, which may still have to clean up
            )
        self._requests = ours

    def close(self) -> None:
        """End the process, and all that it runs."""
        self._requests.close()
        self._process.wait()

    def start(self, place: Place, command: EnteredCommand) -> RunningCommand:
        """Run a command; its standard streams are pipes.

        Raises:
            OSError: it cannot be started.
        """
        document = {
            "op": "exec",
            **kind_of(place),
            "credentials": place.credentials,
            "arguments": command.arguments,
            "environment": dict(command.environment),
            "directory": command.directory,
        }
        (theirs_in, stdin), (stdout, theirs_out), (stderr, theirs_err) = os.pipe(), os.pipe(), os.pipe()
        theirs = (theirs_in, theirs_out, theirs_err)
        try:
            answer, pid = self._ask(document, (*theirs, *place.descriptors))
        except BaseException:
            for fd in (stdin, stdout, stderr):
                os.close(fd)
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        return RunningCommand(pid, stdin, stdout, stderr, answer)

    def make_socket(self, place: Place, request: Mapping[str, Any]) -> socket.socket:
        """A socket made in the network of a place, which must name one; see ``forker`` for the requests.

        Raises:
            OSError: it cannot be made, or connected.
        """
        answer, _ = self._ask({**kind_of(place), **request}, place.descriptors)
        with answer:
            return taken(answer)

    def _ask(self, document: Mapping[str, Any], descriptors: Sequence[int]) -> tuple[socket.socket, int]:
        """Where the answer comes, and the process that works on it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ExitStack() as stack:
            stack.callback(ours.close)
            with theirs:
                message = json.dumps(document).encode()
                if len(message) > LONGEST:
                    raise OSError(7, "the command and its environment are too long")
                socket.send_fds(self._requests, [message], [theirs.fileno(), *descriptors])
            first = ours.recv(LONGEST)
            if not first:
                raise OSError(5, "the process that enters the lab has ended")
            stack.pop_all()
        return ours, int(json.loads(first)["pid"])
