"""Runs ``fairlead`` commands in forks of one process that has already imported what they need.

Most commands of the tests only look into a lab, and a start of the interpreter costs more CPU time than all that such
a command does. The forked command is the same code with the same user, environment and descriptors.

The process reads requests from its standard input, a socket. A request is a JSON document and four descriptors: the
three standard ones of the command, and a pipe for its exit code.
"""

import contextlib
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import NoReturn

REQUEST_SIZE = 1 << 20  # bytes
START = (sys.executable, "-m", "tests.support.warm_commands")
# What a command imports when it runs, besides its own module.
IMPORTED = {
    "exec": "fairlead.app.lab.commands.enter",
    "run": "fairlead.app.lab.commands.run",
    "node": "fairlead.app.lab.commands.nodes",
    "status": "fairlead.app.lab.commands.status",
}


class WarmCommands:
    """The process, from outside.

    Args:
        start: the command line that starts it: ``START``, as the user that it is to be.
    """

    def __init__(self, start: Sequence[str], environment: Mapping[str, str]) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                start, env=environment, cwd="/", stdin=theirs, stdout=subprocess.DEVNULL, start_new_session=True
            )

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, without standard input.

        Raises:
            subprocess.TimeoutExpired: it did not end in so many seconds; it and the process are killed.
        """
        request = json.dumps({"arguments": arguments, "environment": dict(environment)}).encode()
        pipes = [os.pipe() for _ in range(3)]
        ours, theirs = zip(*pipes, strict=True)
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            socket.send_fds(self._requests, [request], [nothing, *theirs])
        finally:
            for descriptor in (nothing, *theirs):
                os.close(descriptor)
        try:
            output, error, code = (data.decode().replace("\r\n", "\n") for data in _read_to_end(ours, timeout))
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(["fairlead", *arguments], timeout) from None
        finally:
            for descriptor in ours:
                os.close(descriptor)
        assert code, f"the process that runs commands has ended: {error}"
        return subprocess.CompletedProcess(["fairlead", *arguments], int(code), output, error)

    def close(self) -> None:
        """End the process."""
        self._requests.close()
        self._process.wait()


def _read_to_end(descriptors: Sequence[int], timeout: float) -> list[bytes]:
    read = dict.fromkeys(descriptors, b"")
    deadline = time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for descriptor in descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                data = os.read(key.fd, 65536)
                read[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
    return list(read.values())


def serve(requests: socket.socket) -> None:
    """Run commands until there is nobody who sends them."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for the commands
    while True:
        data, descriptors, _, _ = socket.recv_fds(requests, REQUEST_SIZE, 4)
        if not data:
            return
        request = json.loads(data)
        _import_for(request["arguments"][0])
        if os.fork() == 0:
            requests.close()
            _run_and_tell(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _import_for(name: str) -> None:
    from fairlead.cli.main import COMMANDS

    with contextlib.suppress(ImportError, KeyError):  # the command itself reports it
        importlib.import_module(COMMANDS[name][0].partition(":")[0])
        importlib.import_module(IMPORTED[name])


def _run_and_tell(request: Mapping[str, object], descriptors: Sequence[int]) -> NoReturn:
    """Wait for the command as a shell does: it can become another program."""
    *standard, told = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _become(request, standard)
    for descriptor in standard:
        os.close(descriptor)
    _, status = os.waitpid(pid, 0)
    os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(request: Mapping[str, object], standard: Sequence[int]) -> NoReturn:
    from fairlead.cli.main import main

    code: object = 1
    try:
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["environment"])
        main(request["arguments"])
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    requests = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    serve(requests)
