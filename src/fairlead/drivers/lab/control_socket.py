"""The lab's control socket: one JSON request, one JSON reply, with file descriptors beside it (SCM_RIGHTS).

Only its user can reach it, because the folder that it is in is private. A reply with ``error`` is a refusal in words.
"""

import json
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from fairlead.model.document import Doc

MAX_MESSAGE = 256 * 1024
MAX_FDS = 4
PATIENCE = 5.0  # seconds that either side waits for the other


class Refused(Exception):
    """The request was understood and refused; the message says why."""


class Reply(NamedTuple):
    """An answer; the descriptors belong to whoever received it."""

    document: Doc
    descriptors: tuple[int, ...] = ()


Handler = Callable[[Doc], Reply]


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


def answer(listener: socket.socket, handler: Handler) -> None:
    """Accept one connection and answer its request; a client that breaks off is its own fault."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(PATIENCE)
        try:
            request = json.loads(_receive(connection)[0])
            document, descriptors = _handle(handler, request)
            socket.send_fds(connection, [json.dumps(document).encode() + b"\n"], descriptors)
        except (OSError, ValueError):
            return
        for fd in descriptors:
            os.close(fd)


def _handle(handler: Handler, request: Doc) -> Reply:
    try:
        return handler(request)
    except Refused as error:
        return Reply({"error": str(error)})
    except Exception as error:
        # Whoever answers is PID 1 of a lab: a request that nobody thought of must not be the end of everything.
        return Reply({"error": f"{type(error).__name__}: {error}"})


def ask(path: Path, request: Doc) -> Reply:
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
            text, descriptors = _receive(connection)
    finally:
        os.close(folder)
    document = json.loads(text)
    if "error" in document:
        raise Refused(document["error"])
    return Reply(document, tuple(descriptors))


def _receive(connection: socket.socket) -> tuple[bytes, Sequence[int]]:
    """One line, and the descriptors that came with it."""
    received, descriptors = b"", []
    while not received.endswith(b"\n"):
        part, fds, _, _ = socket.recv_fds(connection, MAX_MESSAGE, MAX_FDS)
        if not part:
            raise ConnectionError("the lab broke off")
        received += part
        descriptors += fds
    return received, descriptors
