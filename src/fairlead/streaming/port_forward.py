"""Connections to a Pod's ports, carried over SPDY: for each, a data stream and an error stream with one request number.

Decides which streams belong together and which are refused. What is said on an error stream concerns its connection
only. A connection is served from when its data stream is there; the error stream comes before it as a rule.
The SPDY bytes come plainly (``PlainBytes``) or inside the messages of a WebSocket (``WebSocketBytes``).
Source: ``staging/src/k8s.io/cri-streaming`` (portforward/httpstream.go); KEP-4006 for the tunnel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from fairlead.streaming.spdy import SpdyEvent, SpdyServer, StreamData, StreamEnded, StreamOpened, StreamReset
from fairlead.streaming.websocket import Piece, WebSocket, WebSocketClosed

PROTOCOL = "portforward.k8s.io"
TUNNEL_PROTOCOL = f"SPDY/3.1+{PROTOCOL}"

_ERROR, _DATA = "error", "data"


class PortOpened(NamedTuple):
    """The client wants a connection to a port of the Pod; ``connection`` names it from here on."""

    connection: int
    port: int


class PortData(NamedTuple):
    connection: int
    data: bytes


class PortEnded(NamedTuple):
    """The client sends no more on this connection, but may still read."""

    connection: int


class PortReset(NamedTuple):
    """The client has given this connection up."""

    connection: int


@dataclass(frozen=True)
class AllGone:
    """The client has left."""


PortEvent = PortOpened | PortData | PortEnded | PortReset | AllGone


class PortSession(Protocol):
    """All forwarded connections of one client, whichever protocol carries them."""

    def receive(self, data: bytes) -> list[PortEvent]:
        """The events of received bytes; call it once with no bytes to begin. Raises PeerError."""

    def send(self, connection: int, data: bytes) -> None:
        """Send data of the Pod to the client."""

    def end(self, connection: int) -> None:
        """The Pod sends no more on this connection."""

    def finish(self, connection: int, error: str = "") -> None:
        """Close a connection in both directions, with the reason if it failed."""

    def close(self) -> None:
        """Accept no more connections."""

    def data_to_send(self) -> bytes: ...


class Carrier(Protocol):
    """How SPDY bytes travel."""

    def receive(self, data: bytes) -> bytes | None:
        """The SPDY bytes in what was received; None once the client has closed. Raises PeerError."""

    def send(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def data_to_send(self) -> bytes: ...


class PlainBytes:
    """SPDY directly on the connection."""

    def __init__(self) -> None:
        self._output = bytearray()

    def receive(self, data: bytes) -> bytes | None:
        return data

    def send(self, data: bytes) -> None:
        self._output += data

    def close(self) -> None:
        return

    def data_to_send(self) -> bytes:
        data = bytes(self._output)
        self._output.clear()
        return data


class WebSocketBytes:
    """SPDY in the messages of a WebSocket, cut anywhere."""

    def __init__(self, head: bytes) -> None:
        self._socket = WebSocket(head, (TUNNEL_PROTOCOL,))

    def receive(self, data: bytes) -> bytes | None:
        events = self._socket.receive(data) if data else []
        if not self._socket.is_open or any(isinstance(event, WebSocketClosed) for event in events):
            return None
        return b"".join(event.data for event in events if isinstance(event, Piece))

    def send(self, data: bytes) -> None:
        if data:
            self._socket.send(data)

    def close(self) -> None:
        self._socket.close()

    def data_to_send(self) -> bytes:
        return self._socket.data_to_send()


@dataclass
class _Connection:
    """The two streams of one request number; 0 for one that is not there, or not there yet."""

    data: int = 0
    error: int = 0


class PortForward:
    """A ``PortSession`` over SPDY. A connection is named by the number of its data stream."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._spdy = SpdyServer()
        self._connections: dict[str, _Connection] = {}  # by request number
        self._requests: dict[int, str] = {}  # data stream -> request number

    def receive(self, data: bytes) -> list[PortEvent]:
        """The events of received bytes; call it once with no bytes to begin.

        Raises:
            PeerError: the client breaks the protocol; send what is left to send, then close.
        """
        carried = self._carrier.receive(data)
        if carried is None:
            return [AllGone()]
        return [event for received in self._spdy.receive(carried) for event in self._on_event(received)]

    def send(self, connection: int, data: bytes) -> None:
        """Send data of the Pod to the client."""
        self._spdy.send(connection, data)

    def end(self, connection: int) -> None:
        """The Pod sends no more on this connection."""
        self._spdy.send(connection, b"", fin=True)

    def finish(self, connection: int, error: str = "") -> None:
        """Close a connection in both directions, with the reason if it failed."""
        request = self._requests.pop(connection, None)
        if request is not None:
            self._spdy.send(self._connections.pop(request).error, error.encode(), fin=True)
            self.end(connection)

    def close(self) -> None:
        """Accept no more connections."""
        self._spdy.leave()
        self._carrier.send(self._spdy.data_to_send())
        self._carrier.close()

    def data_to_send(self) -> bytes:
        """The bytes to send to the peer now; each byte is returned once."""
        self._carrier.send(self._spdy.data_to_send())
        return self._carrier.data_to_send()

    def _on_event(self, event: SpdyEvent) -> list[PortEvent]:
        match event:
            case StreamOpened(stream, headers):
                return self._on_opened(stream, headers)
            case StreamData(stream, data) if stream in self._requests:
                return [PortData(stream, data)]
            case StreamEnded(stream) if stream in self._requests:
                return [PortEnded(stream)]
            case StreamReset(stream):
                return self._on_reset(stream)
        return []

    def _on_opened(self, stream: int, headers: Mapping[str, str]) -> list[PortEvent]:
        kind, request = headers.get("streamtype", ""), headers.get("requestid", "")
        port = _port(headers.get("port", ""))
        connection = self._connections.setdefault(request, _Connection())
        if port and kind == _ERROR and not connection.error:
            connection.error = stream
            return []
        if port and kind == _DATA and not connection.data:
            connection.data = stream
            self._requests[stream] = request
            return [PortOpened(stream, port)]
        self._spdy.reset(stream)
        if connection == _Connection():
            del self._connections[request]
        return []

    def _on_reset(self, stream: int) -> list[PortEvent]:
        if stream in self._requests:
            self._spdy.reset(self._connections.pop(self._requests.pop(stream)).error)
            return [PortReset(stream)]
        for request, connection in self._connections.items():
            if connection.error == stream:
                self._forget_error(request, connection)
                break
        return []

    def _forget_error(self, request: str, connection: _Connection) -> None:
        connection.error = 0
        if not connection.data:
            del self._connections[request]


def _port(text: str) -> int:
    """A port number, or 0 when it is not one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 0xFFFF else 0
