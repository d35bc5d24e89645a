"""Tells those who listen when a part has acted on a change: a datagram to each socket in a folder, if there is one.

Nobody waits for anybody: without listeners it costs one look for the folder, and a listener that does not keep up
misses marks. Who comes later reads what each part has told lately: two small files a part, beside the folder, of which
the older is replaced when the newer is full. All of it is in a lab's run folder, which its user alone can enter; Pods
do not see it.
"""

import os
import socket
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from fairlead.model.marks import Mark

_MOST = 100  # marks in a datagram, which must fit into a socket's buffer
_KEPT = 300  # marks that can be asked for
_FULL = 64 << 10  # bytes of a file of marks
_OLDER = ".older"
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
        told = list(marks)
        if self._folder is None or not told:
            return
        _keep(recent_folder(self._folder), told[-_KEPT:])
        try:
            listeners = os.listdir(self._folder)
        except OSError:
            return
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


def recent_folder(folder: Path) -> Path:
    """The folder where parts keep their recent marks, next to a folder of listeners."""
    return folder.with_name("recent-marks")


def _keep(folder: Path, marks: Sequence[Mark]) -> None:
    """Keep what one part has told, where others can read it; a full disk takes none, and must not hold up the part."""
    data = b"".join(msgspec.json.encode(mark) + b"\n" for mark in marks)
    path = folder / f"{marks[0].station}-{marks[0].part}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        with path.open("ab") as file:
            file.write(data)
            size = file.tell()
        if size > _FULL:
            path.replace(path.with_name(path.name + _OLDER))


def recent_marks(folder: Path, since: float) -> list[Mark]:
    """The recent marks of a lab's parts, the oldest first.

    Args:
        folder: of listeners. since: Unix time in seconds.
    """
    found: list[Mark] = []
    with suppress(OSError):
        for path in recent_folder(folder).iterdir():
            for line in path.read_bytes().splitlines():
                with suppress(msgspec.DecodeError):  # one that is being written
                    found.append(_MARK.decode(line))
    return sorted((mark for mark in found if mark.done >= since), key=lambda mark: mark.done)


_MARK = msgspec.json.Decoder(Mark)


class RecentMarks:
    """The newest marks of a part that nobody can be told by, to be asked for."""

    def __init__(self) -> None:
        self._marks: deque[Mark] = deque(maxlen=_KEPT)

    def add(self, mark: Mark) -> None:
        self._marks.append(mark)

    def text(self) -> str:
        """All of them as JSON, the oldest first."""
        return msgspec.json.encode(list(self._marks)).decode()
