"""The server's side of a WebSocket that carries bytes: handshake, pieces of messages, close.

A message is handed on in the pieces (fragments) in which it comes, so nothing is gathered; the parser's own buffer is
bounded by MAX_FRAGMENT. Pings are answered without the caller's doing.
Source: RFC 6455; the frames themselves are read and written by the ``websockets`` library's sans-I/O protocol.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from websockets.datastructures import Headers
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from fairlead.streaming.errors import PeerError

MAX_FRAGMENT = 1024 * 1024  # bytes; kubectl sends messages of 32 KiB
NORMAL_CLOSURE = 1000

_WITH_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class Piece(NamedTuple):
    """Part of a message; ``first`` begins a new one."""

    first: bool
    data: bytes


@dataclass(frozen=True)
class Answered:
    """The peer has answered a ping: it reads what comes."""


@dataclass(frozen=True)
class WebSocketClosed:
    """The peer has closed the WebSocket, or it has failed."""


class _Server(ServerProtocol):
    """Takes names of subprotocols as they are: Kubernetes has one with a slash, which the grammar does not allow."""

    def process_subprotocol(self, headers: Headers) -> Subprotocol | None:
        offered = ",".join(headers.get_all("Sec-WebSocket-Protocol")).split(",")
        if offered == [""] and "" in (self.available_subprotocols or ()):
            return None
        return self.select_subprotocol([Subprotocol(name.strip()) for name in offered])


class WebSocket:
    """One connection, from the request on.

    Args:
        head: the HTTP request as received, up to and with its empty line.
        subprotocols: those that the server speaks, the one it likes best first.
    """

    def __init__(self, head: bytes, subprotocols: Sequence[str]) -> None:
        self._protocol = _Server(
            subprotocols=[Subprotocol(name) for name in subprotocols], max_size=(None, MAX_FRAGMENT)
        )
        self._protocol.receive_data(head)
        requests = [event for event in self._protocol.events_received() if isinstance(event, Request)]
        for request in requests:
            self._protocol.send_response(self._protocol.accept(request))

    @property
    def is_open(self) -> bool:
        """False once the handshake was refused (``data_to_send`` has the answer) or either side has sent a close."""
        return self._protocol.state is State.OPEN

    @property
    def subprotocol(self) -> str:
        """The one that both sides speak; empty when the handshake was refused."""
        return self._protocol.subprotocol or ""

    def receive(self, data: bytes) -> list[Piece | Answered | WebSocketClosed]:
        """The events of received bytes.

        Raises:
            PeerError: they are not WebSocket frames; send what is left to send, then close.
        """
        self._protocol.receive_data(data)
        events = [_event(frame) for frame in self._protocol.events_received() if isinstance(frame, Frame)]
        if self._protocol.parser_exc:
            raise PeerError(f"WebSocket: {self._protocol.parser_exc}")
        return [event for event in events if event]

    def send(self, data: bytes) -> None:
        """Send one binary message; nothing happens once the WebSocket is closing."""
        try:
            self._protocol.send_binary(data)
        except InvalidState:
            return

    def send_text(self, data: bytes) -> None:
        """Send one message of text; as ``send``."""
        try:
            self._protocol.send_text(data)
        except InvalidState:
            return

    def ping(self) -> None:
        """Ask for a sign that the peer reads: ``Answered`` will come."""
        self._protocol.send_ping(b"")

    def close(self) -> None:
        if self.is_open:
            self._protocol.send_close(NORMAL_CLOSURE)

    def data_to_send(self) -> bytes:
        """The bytes to send to the peer now; each byte is returned once."""
        return b"".join(self._protocol.data_to_send())


def _event(frame: Frame) -> Piece | Answered | WebSocketClosed | None:
    if frame.opcode in _WITH_DATA:
        return Piece(frame.opcode is not Opcode.CONT, bytes(frame.data))
    if frame.opcode is Opcode.PONG:
        return Answered()
    return WebSocketClosed() if frame.opcode is Opcode.CLOSE else None
