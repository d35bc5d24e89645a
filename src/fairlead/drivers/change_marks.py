"""Tells those who listen when a part has acted on a change: a datagram to each socket in a folder, if there is one.

Nobody waits for anybody: without listeners it costs one look for the folder, and a listener that does not keep up
misses marks. The folder is in a lab's run folder, which its user alone can enter; Pods do not see it.
"""

import os
import socket
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from fairlead.model.marks import Mark

_MOST = 100  # marks in a datagram, which must fit into a socket's buffer
_KEPT = 300  # marks that can be asked for
_NOT_BLOCKING = socket.MSG_DONTWAIT


class ChangeMarks:
    """One part's way to those who listen.

    Args:
        folder: where their sockets are; None where nobody can listen.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def tell(self, marks: Iterable[Mark]) -> None:
        """Send marks to all who listen; who has gone silently is forgotten."""
        if self._folder is None:
            return
        try:
            listeners = os.listdir(self._folder)
        except OSError:
            return
        told = list(marks)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            for start in range(0, len(told), _MOST):
                data = msgspec.json.encode(told[start : start + _MOST])
                for name in listeners:
                    self._send(sender, data, self._folder / name)

    def _send(self, sender: socket.socket, data: bytes, path: Path) -> None:
        try:
            sender.sendto(data, _NOT_BLOCKING, str(path))
        except ConnectionRefusedError:
            with suppress(OSError):
                path.unlink()
        except OSError:
            pass  # its buffer is full, or it has gone just now


class RecentMarks:
    """The newest marks of a part that nobody can be told by, to be asked for."""

    def __init__(self) -> None:
        self._marks: deque[Mark] = deque(maxlen=_KEPT)

    def add(self, mark: Mark) -> None:
        self._marks.append(mark)

    def text(self) -> str:
        """All of them as JSON, the oldest first."""
        return msgspec.json.encode(list(self._marks)).decode()
