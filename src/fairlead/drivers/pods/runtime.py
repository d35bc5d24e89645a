"""The interface of the container runtime for the node's HTTP server."""

import os
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from fairlead.drivers.linux.descriptors import PipeReader, Sink
from fairlead.drivers.linux.terminal import receive_terminal
from fairlead.streaming.exec_events import Output

STDIN, STDOUT, STDERR = "stdin", "stdout", "stderr"


class ContainerName(NamedTuple):
    namespace: str
    pod: str
    container: str


class Refused(Exception):
    """It cannot be done; the message is for the user.

    Attributes:
        code: HTTP status.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Stdio:
    """Descriptors that are to become 0, 1 and 2 of a process.

    Attributes:
        is_terminal: they are to be one terminal, which controls the process. It opens that in its container; what is
            given is a socket, three times, through which it sends our end.
    """

    stdin: int
    stdout: int
    stderr: int
    is_terminal: bool = False


@dataclass
class OwnEnds:
    """Our ends of a process's streams.

    Attributes:
        terminal: a descriptor of the terminal, or None; belongs to one of the sources.
        coming: through which our end of a terminal comes; see ``complete``.
    """

    stdin: Sink | None
    outputs: Mapping[Output, PipeReader]
    terminal: int | None = None
    coming: socket.socket | None = None

    def complete(self) -> None:
        """Take our end of a terminal, if it is one, from the process that has been started."""
        if self.coming:
            self.terminal = fd = receive_terminal(self.coming)
            self.stdin, self.outputs = Sink(os.dup(fd)), {Output.STDOUT: PipeReader(fd)}

    def close(self) -> None:
        if self.coming:
            self.coming.close()
        if self.stdin:
            self.stdin.close()
        for source in self.outputs.values():
            source.close()


class OpenStreams(NamedTuple):
    """Streams for a process that is to be started.

    Attributes:
        own: to be completed once the process has been started.
        given: to be closed by ``close_given`` then.
    """

    own: OwnEnds
    given: Stdio

    def close_given(self) -> None:
        for fd in {self.given.stdin, self.given.stdout, self.given.stderr}:
            os.close(fd)


def open_streams(stdin: bool, terminal: bool, lasting: Collection[str] = ()) -> OpenStreams:
    """New pipes, or what a terminal comes through; standard input is empty unless asked for.

    Args:
        lasting: names of streams (``STDIN``, ``STDOUT``, ``STDERR``) that are to survive us: the process is given both
            ends in one descriptor, so that it is neither told that the input has ended nor killed for writing.
    """
    if terminal:
        ours, theirs = socket.socketpair()
        socket_fd = theirs.detach()
        return OpenStreams(OwnEnds(None, {}, coming=ours), Stdio(socket_fd, socket_fd, socket_fd, is_terminal=True))
    out_reader, out_writer = os.pipe()
    err_reader, err_writer = os.pipe()
    in_reader, sink = _input_pipe() if stdin else (os.open(os.devnull, os.O_RDONLY), None)
    if stdin and STDIN in lasting:
        in_reader = _both_ends(in_reader)
    out_writer, err_writer = (
        _both_ends(fd) if name in lasting else fd for name, fd in ((STDOUT, out_writer), (STDERR, err_writer))
    )
    own = OwnEnds(sink, {Output.STDOUT: PipeReader(out_reader), Output.STDERR: PipeReader(err_reader)})
    return OpenStreams(own, Stdio(in_reader, out_writer, err_writer))


def _both_ends(fd: int) -> int:
    """Reopen the pipe, so that one descriptor reads and writes."""
    both = os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_CLOEXEC)
    os.close(fd)
    return both


def _input_pipe() -> tuple[int, Sink]:
    reader, writer = os.pipe()
    return reader, Sink(writer)


class Process(Protocol):
    """A running process in a container."""

    async def wait(self) -> int:
        """Wait for the exit code; 128 + n after signal n."""

    def hang_up(self) -> None:
        """Tell it that nobody listens any more, as a terminal does that is closed."""


class ContainerLog(Protocol):
    """The log of one run of a container.

    Attributes:
        path: its newest file, in the format of ``streaming.log_lines``.
        generation: number of that file.
    """

    path: Path
    generation: int

    async def grown(self, position: int, generation: int) -> bool:
        """Wait until the file of that generation is longer than that, or another one was begun; False when neither will
        be."""


class Attachment(Protocol):
    """Attach a client to a container's main process: it gets output from now on, and can write input.

    Attributes:
        terminal: a descriptor of the process's terminal, or None.
    """

    terminal: int | None

    async def read(self) -> tuple[Output, bytes] | None:
        """The next piece of what the process writes, or None when it has ended."""

    async def write(self, data: bytes) -> None:
        """Give the process input, as fast as it takes it."""

    def end_input(self) -> None:
        """No more input will come from this client."""

    async def detach(self) -> None:
        """The client has gone."""


class Runtime(Protocol):
    """Raises Refused when there is no such Pod or container, or it is not in a state for this."""

    def log(self, name: ContainerName, previous: bool) -> ContainerLog: ...

    async def execute(self, name: ContainerName, command: tuple[str, ...], stdio: Stdio) -> Process:
        """Raises StartError when the command cannot be run."""

    def attach(self, name: ContainerName) -> Attachment: ...

    async def connect(self, namespace: str, pod: str, port: int) -> socket.socket:
        """A connection to a port of the Pod, made inside its network namespace. Raises OSError."""
