"""Channels in a WebSocket: the first byte of each message says to which channel the rest belongs.

Version 5 of the protocol differs from 4 in one thing: a message on channel 255 says that the channel in its second byte
has come to its end, which is how the standard input of a command ends. Clients of browsers speak forms in base64, where
the first character is the channel's digit. Before version 4 the error channel had plain text, for failures alone.
Source: ``staging/src/k8s.io/apimachinery/pkg/util/httpstream/wsstream``, ``remotecommand/constants.go``; KEP-4006.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import NamedTuple

from fairlead.streaming.errors import PeerError
from fairlead.streaming.websocket import Answered, Piece, WebSocket, WebSocketClosed

V5, V4, V4_BASE64 = "v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"
PLAIN, PLAIN_BASE64, UNNAMED = "channel.k8s.io", "base64.channel.k8s.io", ""
_TELL_STATUS = frozenset({V5, V4, V4_BASE64})
_IN_BASE64 = frozenset({V4_BASE64, PLAIN_BASE64})
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_DIGITS = b"0123456789"


class ChannelData(NamedTuple):
    """Data of a channel, perhaps only a part of its message; ``first`` begins a new message."""

    channel: int
    data: bytes
    first: bool


class ChannelReader:
    """Sorts the pieces of messages into channels.

    Args:
        in_base64: messages are text, the channel a digit and the data in base64.
    """

    def __init__(self, in_base64: bool = False) -> None:
        self._channel: int | None = None
        self._in_base64, self._carried = in_base64, b""

    def receive(self, piece: Piece) -> ChannelData | None:
        """The event of a piece; None for the empty beginning of a message.

        Raises:
            PeerError: text that is not base64.
        """
        data, first = piece.data, piece.first or self._channel is None
        if piece.first:
            self._channel, self._carried = None, b""
        if self._channel is None:
            if not data:
                return None
            self._channel, data = self._number(data[0]), data[1:]
        return ChannelData(self._channel, self._decoded(data) if self._in_base64 else data, first)

    def _number(self, octet: int) -> int:
        if not self._in_base64:
            return octet
        if octet not in _DIGITS:
            raise PeerError(f"no channel has the sign {chr(octet)!r}")
        return octet - _DIGITS[0]

    def _decoded(self, text: bytes) -> bytes:
        """Groups of four characters; those of one that is not complete wait for the next piece."""
        text = self._carried + text
        whole = len(text) - len(text) % 4
        self._carried = text[whole:]
        try:
            return base64.b64decode(text[:whole], validate=True)
        except binascii.Error as error:
            raise PeerError(f"the data of a channel is not base64: {error}") from error


class Channels:
    """A WebSocket whose messages belong to channels, in the form that its subprotocol has.

    Args:
        head: the request, as received.
        protocols: those that the server speaks, the one that it likes best first.
    """

    def __init__(self, head: bytes, protocols: Sequence[str]) -> None:
        self.socket = WebSocket(head, protocols)
        self._in_base64 = self.socket.subprotocol in _IN_BASE64
        self._reader = ChannelReader(self._in_base64)

    @property
    def tells_status(self) -> bool:
        """Whether the error channel has a Status document, for successes too."""
        return self.socket.subprotocol in _TELL_STATUS

    def send(self, channel: int, data: bytes) -> None:
        """Send one message."""
        if self._in_base64:
            self.socket.send_text(_DIGITS[channel : channel + 1] + base64.b64encode(data))
        else:
            self.socket.send(message(channel, data))

    def received(self, event: Piece | Answered | WebSocketClosed) -> ChannelData | None:
        """The event of data on a channel; None if there is no data."""
        return self._reader.receive(event) if isinstance(event, Piece) else None


def message(channel: int, data: bytes) -> bytes:
    return bytes((channel,)) + data
