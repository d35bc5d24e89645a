"""Tools for forking in the two first processes of a lab: pipes, a child for a single task, and errors."""

import os
import select
import signal
from collections.abc import Callable

PATIENCE = 60.0  # seconds that a child may take which takes a second on an idle machine


class LabError(Exception):
    """The lab cannot start, or has ended; the message says what to do."""


class NamespacesRefused(LabError):
    """This machine refuses the lab's namespaces; the message says why, and what allows them."""


class Pipe:
    """A pipe; each end is closed once."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self._open = {self.reader, self.writer}

    def close_reader(self) -> None:
        self._close(self.reader)

    def close_writer(self) -> None:
        self._close(self.writer)

    def close(self) -> None:
        self.close_reader()
        self.close_writer()

    def _close(self, fd: int) -> None:
        if fd in self._open:
            self._open.remove(fd)
            os.close(fd)


def in_child(function: Callable[[], None]) -> None:
    """Call the function in a forked child, whose memory then goes away with it.

    Raises:
        LabError: it raised; the message is its own.
    """
    failure = Pipe()
    pid = os.fork()
    if pid == 0:
        try:
            function()
        except BaseException as error:
            os.write(failure.writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    failure.close_writer()
    if message := read_from_child(failure.reader, pid, "the process that makes certificates"):
        raise LabError(message)


def read_from_child(reader: int, pid: int, what: str) -> str:
    """Read all that a child writes to a pipe before it ends; close the reader and reap the child.

    Raises:
        LabError: it does not end; it has been killed.
    """
    os.set_blocking(reader, False)
    poll, text = select.poll(), bytearray()
    poll.register(reader, select.POLLIN)
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while poll.poll(PATIENCE * 1000):
            piece = pipe.read(65536)
            if not piece:
                os.waitpid(pid, 0)
                return text.decode(errors="replace")
            text += piece
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise LabError(f"{what} (pid {pid}) has not ended within {PATIENCE:.0f} s")
