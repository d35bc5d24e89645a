"""The host process of a lab as a child of a program that uses it, in a fresh interpreter that is told what to be."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress

NOBODY = 0
NOBODY_TEXT = "nobody"
_PATIENCE = 20.0  # seconds in which it ends when it is asked to


class HostProcess:
    """A process that lives as long as its owner.

    Args:
        module: has a ``main`` that reads what it is to be from standard input, behind its length in eight octets.
        owner: the process that it lives with, if that is not this one; ``NOBODY``: it lives until it is told to end.

    Attributes:
        news: the reading end of a pipe to which it writes.
    """

    def __init__(self, module: str, message: bytes, owner: int | None = None) -> None:
        ours, theirs = socket.socketpair()
        self.news, writer = os.pipe()
        owners = [] if not owner else [os.pidfd_open(owner)]
        names = [NOBODY_TEXT] if owner == NOBODY else [str(fd) for fd in owners]
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-c", f"from {module} import main; main()", *names],
                stdin=theirs.fileno(),
                stdout=writer,
                pass_fds=owners,
                start_new_session=True,
                cwd="/",
            )
        finally:
            theirs.close()
            os.close(writer)
            for fd in owners:
                os.close(fd)
        with suppress(BrokenPipeError):
            ours.sendall(len(message).to_bytes(8, "big") + message)
        self._life = ours

    @property
    def pid(self) -> int:
        return self._process.pid

    def close_news(self) -> None:
        os.close(self.news)

    def end(self) -> None:
        """Stop the process, which ends its lab, and reap it."""
        self._life.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
