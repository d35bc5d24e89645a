"""Events between a client and a command in a container, for every protocol."""

import json
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

from fairlead.streaming.errors import PeerError

MAX_RESIZE = 1024  # bytes of one terminal size as JSON


class Output(Enum):
    """The streams that a command writes."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True)
class Established:
    """All streams that the request asked for are there: the command may start."""


class Input(NamedTuple):
    """Bytes for the command's standard input."""

    data: bytes


@dataclass(frozen=True)
class InputEnded:
    """No more standard input will come."""


class Resize(NamedTuple):
    """The client's terminal has this size now, in characters."""

    columns: int
    rows: int


@dataclass(frozen=True)
class Gone:
    """The client is not there any more."""


ExecEvent = Established | Input | InputEnded | Resize | Gone


class ExecSession(Protocol):
    """One client of one command: bytes from its connection in, events out; output in, bytes for its connection out."""

    @property
    def patience(self) -> float:
        """Seconds that the client has to bring about that the command may start."""

    def start_unasked(self) -> list[ExecEvent]:
        """The event when the client has sent no request: ``Established`` nevertheless, or ``Gone``."""

    def receive(self, data: bytes) -> list[ExecEvent]:
        """Raises PeerError when the client breaks the protocol."""

    def output(self, stream: Output, data: bytes) -> None:
        """Send output of the command to the client."""

    def finish(self, status: bytes) -> None:
        """Tell the client how the command ended; nothing can be sent after it."""

    def data_to_send(self) -> bytes: ...


class ResizeReader:
    """Reads terminal sizes: JSON objects one after the other, with or without space between them."""

    def __init__(self) -> None:
        self._text = ""

    def receive(self, data: bytes) -> list[ExecEvent]:
        """The sizes that are whole now. Those of no rows or no columns are left out, as upstream's kubelet does
        (``kubecontainer.HandleResizing``): terminals say so that nobody has given a size.

        Raises:
            PeerError: this is not a terminal size, nor the beginning of one.
        """
        self._text += data.decode("ascii", errors="replace")
        sizes: list[Resize] = []
        while text := self._text.lstrip():
            try:
                value, end = json.JSONDecoder().raw_decode(text)
            except ValueError:
                if not text.startswith("{") or len(text) > MAX_RESIZE:
                    raise PeerError(f"not a terminal size: {text[:MAX_RESIZE]!r}") from None
                break
            sizes.append(_size(value))
            self._text = text[end:]
        return [size for size in sizes if size.columns and size.rows]


def _size(value: object) -> Resize:
    match value:
        case {"Width": int(width), "Height": int(height)} if 0 <= width <= 0xFFFF and 0 <= height <= 0xFFFF:
            return Resize(width, height)
    raise PeerError(f"not a terminal size: {value!r}")
