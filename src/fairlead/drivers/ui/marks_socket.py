"""Hears the marks that the parts of a lab send: a datagram socket in the folder where they look for listeners."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from fairlead.model.marks import Mark

_LONGEST = 256 << 10
_BUFFER = 4 << 20  # bytes: a burst of changes comes faster than it is read
_MARKS = msgspec.json.Decoder(list[Mark])


@contextmanager
def listening(folder: Path, hear: Callable[[list[Mark]], None]) -> Iterator[None]:
    """Receive marks in this context, in the event loop.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{os.getpid()}-{os.urandom(4).hex()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        sock.setblocking(False)
        sock.bind(str(path))
        loop = asyncio.get_running_loop()
        loop.add_reader(sock, _read, sock, hear)
        try:
            yield
        finally:
            loop.remove_reader(sock)
            with suppress(OSError):
                path.unlink()
            with suppress(OSError):
                folder.rmdir()  # the last one leaves nothing behind


def _read(sock: socket.socket, hear: Callable[[list[Mark]], None]) -> None:
    while True:
        try:
            data = sock.recv(_LONGEST)
        except (BlockingIOError, InterruptedError):
            return
        with suppress(msgspec.DecodeError):
            hear(_MARKS.decode(data))
