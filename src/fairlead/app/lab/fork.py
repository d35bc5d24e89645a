"""What both first processes of a lab use to fork: pipes, a child that does one thing, and what can go wrong."""

import os
from collections.abc import Callable


class LabError(Exception):
    """The lab cannot start, or has ended; the message says what to do."""


class Pipe:
    """A pipe whose ends are closed once each."""

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
    with os.fdopen(failure.reader) as reader:
        message = reader.read()
    os.waitpid(pid, 0)
    if message:
        raise LabError(message)
