"""Channels in a WebSocket: the first byte of each message says to which channel the rest belongs.

Version 5 of the protocol differs from 4 in one thing: a message on channel 255 says that the channel in its second byte
has come to its end, which is how the standard input of a command ends.
Source: ``staging/src/k8s.io/apimachinery/pkg/util/httpstream/wsstream``, ``remotecommand/constants.go``; KEP-4006.
"""

from typing import NamedTuple

from fairlead.streaming.websocket import Piece

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


class ChannelData(NamedTuple):
    """Data of a channel, perhaps only a part of its message; ``first`` begins a new message."""

    channel: int
    data: bytes
    first: bool


class ChannelReader:
    """Sorts the pieces of messages into channels."""

    def __init__(self) -> None:
        self._channel: int | None = None

    def receive(self, piece: Piece) -> ChannelData | None:
        """What a piece brings; None for the empty beginning of a message."""
        data, first = piece.data, piece.first or self._channel is None
        if piece.first:
            self._channel = None
        if self._channel is None:
            if not data:
                return None
            self._channel, data = data[0], data[1:]
        return ChannelData(self._channel, data, first)


def message(channel: int, data: bytes) -> bytes:
    return bytes((channel,)) + data
