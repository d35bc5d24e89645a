"""The lab's control socket: one JSON request, one JSON reply, with file descriptors beside it (SCM_RIGHTS).

Only its user can reach it, because the folder that it is in is private. Nor is that enough: processes of Pods are of
the same user, and a hostPath volume may show them the folder. So the kernel is asked who is at the other end
(``SO_PEERCRED``, unix(7)), and what is in a Pod's namespaces gets no answer. A reply with ``error`` is a refusal in
words.
"""

import json
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from fairlead.model.document import Doc

MAX_MESSAGE = 256 * 1024
MAX_FDS = 4
PATIENCE = 5.0  # seconds that a client waits
REQUEST_PATIENCE = 2.0  # seconds within which a whole request must arrive: other clients wait
_CREDENTIALS = struct.Struct("=3i")  # pid, uid, gid


class RequestRefused(Exception):
    """The request was understood and refused; the message says why."""


class ControlReply(NamedTuple):
    """An answer; the descriptors belong to the receiver."""

    document: Doc
    descriptors: tuple[int, ...] = ()


Handler = Callable[[Doc], ControlReply]


class Callers:
    """Which processes get an answer: those of our user that are in a PID namespace that is trusted.

    Args:
        processes: some in whose PID namespace callers may be, beside the one that asks.
        outside: whether callers may be outside of what we can see: above our PID namespace, since Pods are below it.
        everybody: all processes of our user get one, since without namespaces Pods cannot be distinguished.
    """

    def __init__(self, *processes: int, outside: bool = False, everybody: bool = False) -> None:
        self._outside, self._everybody = outside, everybody
        self._namespaces = set()
        for process in ("self", *processes):
            with suppress(OSError):  # one that has ended asks nothing
                self._namespaces.add(_pid_namespace(str(process)))

    def may_ask(self, connection: socket.socket) -> bool:
        """Whether the process that has connected is one of them."""
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, _ = _CREDENTIALS.unpack(raw)
        if uid != os.geteuid():
            return False
        if pid == 0 or self._everybody:
            return self._outside or self._everybody
        try:
            return _pid_namespace(str(pid)) in self._namespaces
        except OSError:  # it has gone, or is in a user namespace that is not ours to look into
            return False


def _pid_namespace(process: str) -> tuple[int, int]:
    status = os.stat(f"/proc/{process}/ns/pid")
    return status.st_dev, status.st_ino


def listen(path: Path) -> socket.socket:
    """A listening socket at ``path``, however long that is: AF_UNIX allows 108 bytes, which a test folder exceeds."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        listener.listen()
    finally:
        os.close(folder)
    return listener


def answer(listener: socket.socket, callers: Callers, handler: Handler) -> None:
    """Accept one connection and answer its request; a client that breaks off is its own fault."""
    connection, _ = listener.accept()
    with connection:
        if not callers.may_ask(connection):
            return
        try:
            request = json.loads(_receive(connection, REQUEST_PATIENCE)[0])
            document, descriptors = _handle(handler, request)
            connection.settimeout(REQUEST_PATIENCE)
            socket.send_fds(connection, [json.dumps(document).encode() + b"\n"], descriptors)
        except (OSError, ValueError):
            return
        for fd in descriptors:
            os.close(fd)


def _handle(handler: Handler, request: Doc) -> ControlReply:
    try:
        return handler(request)
    except RequestRefused as error:
        return ControlReply({"error": str(error)})
    except Exception as error:
        # PID 1 of a lab answers: an unexpected request must not crash it.
        return ControlReply({"error": f"{type(error).__name__}: {error}"})


def ask(path: Path, request: Doc) -> ControlReply:
    """The lab's answer.

    Raises:
        Refused: it said no. OSError: nobody answers there.
    """
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(f"/proc/self/fd/{folder}/{path.name}")
            connection.sendall(json.dumps(request).encode() + b"\n")
            text, descriptors = _receive(connection, PATIENCE)
    finally:
        os.close(folder)
    document = json.loads(text)
    if "error" in document:
        raise RequestRefused(document["error"])
    return ControlReply(document, tuple(descriptors))


def _receive(connection: socket.socket, patience: float) -> tuple[bytes, Sequence[int]]:
    """One line, and the descriptors that came with it; all of it within so many seconds."""
    received, descriptors = b"", []
    deadline = time.monotonic() + patience
    while not received.endswith(b"\n"):
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        part, fds, _, _ = socket.recv_fds(connection, MAX_MESSAGE, MAX_FDS)
        descriptors += fds
        if not part:
            raise ConnectionError("the lab broke off")
        received += part
        if len(received) > MAX_MESSAGE:
            raise ConnectionError("more than a message")
    return received, descriptors
