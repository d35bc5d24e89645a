"""Connections to a Pod's ports over a WebSocket, as client libraries make them: two channels for each port.

Channel 2n carries the data of the n-th port of the request, channel 2n+1 what went wrong with it; the server begins
each with the number of the port. A channel cannot be ended on its own, so a client ends them all by closing.
Source: ``staging/src/k8s.io/cri-streaming`` (portforward/websocket.go): v4.channel.k8s.io, the same in base64, and
none named.
"""

import struct
from collections.abc import Sequence

from fairlead.streaming.channels import UNNAMED, V4, V4_BASE64, Channels
from fairlead.streaming.errors import BadRequest
from fairlead.streaming.port_forward import AllGone, PortData, PortEvent, PortOpened
from fairlead.streaming.websocket import Answered, Piece, WebSocketClosed

MAX_PORTS = 100  # channels are numbered in one byte


def parse_ports(values: Sequence[str]) -> tuple[int, ...]:
    """The ports that are asked for, each value a list with commas.

    Raises:
        BadRequest: none, too many, or one that is not a port.
    """
    texts = [text for value in values for text in value.split(",")]
    if not 0 < len(texts) <= MAX_PORTS:
        raise BadRequest(f"from 1 to {MAX_PORTS} ports must be given in the query parameter `ports`")
    for text in texts:
        if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 0xFFFF):
            raise BadRequest(f"{text[:20]!r} is not a port")
    return tuple(map(int, texts))


class ChannelPortForward:
    """A ``PortSession`` with one connection for each port, named by its data channel."""

    def __init__(self, head: bytes, ports: Sequence[int]) -> None:
        self._channels = Channels(head, (V4, V4_BASE64, UNNAMED))
        self._socket = self._channels.socket
        self._open = {2 * index for index in range(len(ports))}
        self._opening: list[PortEvent] = []
        for index, port in enumerate(ports if self._socket.is_open else ()):
            for channel in (2 * index, 2 * index + 1):
                self._channels.send(channel, struct.pack("<H", port))
            self._opening.append(PortOpened(2 * index, port))

    def receive(self, data: bytes) -> list[PortEvent]:
        """The events of received bytes; call it once with no bytes to begin."""
        events, self._opening = self._opening, []
        for received in self._socket.receive(data) if data else []:
            events += self._on_event(received)
        return events if self._socket.is_open else [*events, AllGone()]

    def send(self, connection: int, data: bytes) -> None:
        """Send data of the Pod to the client."""
        self._channels.send(connection, data)

    def end(self, connection: int) -> None:
        """The Pod sends no more; there is no way to say so."""

    def finish(self, connection: int, error: str = "") -> None:
        """Close a connection, with the reason if it failed; the last one closes the WebSocket."""
        if error:
            self._channels.send(connection + 1, error.encode())
        self._open.discard(connection)
        if not self._open:
            self._socket.close()

    def close(self) -> None:
        """Close all connections."""
        self._socket.close()

    def data_to_send(self) -> bytes:
        """The bytes to send to the peer now; each byte is returned once."""
        return self._socket.data_to_send()

    def _on_event(self, event: Piece | Answered | WebSocketClosed) -> list[PortEvent]:
        received = self._channels.received(event)
        if received and received.channel in self._open and received.data:
            return [PortData(received.channel, received.data)]
        return []
