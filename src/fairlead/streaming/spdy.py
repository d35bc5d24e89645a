"""The server's side of a SPDY/3.1 connection: which streams are open, and who may still send on them.

Bytes go in through ``receive`` and come out of ``data_to_send``; nothing here waits. Pings are answered, and streams
beyond MAX_STREAMS refused, without the caller's doing. Only the client opens streams, as in every use that Kubernetes
makes of SPDY. Streams are half-closed one direction at a time, and forgotten once both are.
Source: SPDY Protocol Draft 3.1, section 2.3.
"""

from collections.abc import Mapping
from enum import Flag, auto
from typing import NamedTuple

from fairlead.streaming.errors import PeerError
from fairlead.streaming.spdy_frames import (
    CANCEL,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    Data,
    Frame,
    FrameReader,
    FrameWriter,
    Ping,
    ResetFrame,
    SynStream,
)

MAX_STREAMS = 1000  # open at once; a port-forward takes two for each of its TCP connections


class StreamOpened(NamedTuple):
    """A new stream, which has been replied to."""

    stream: int
    headers: Mapping[str, str]


class StreamData(NamedTuple):
    stream: int
    data: bytes


class StreamEnded(NamedTuple):
    """The peer sends no more on this stream; we still may."""

    stream: int


class StreamReset(NamedTuple):
    """The stream has gone, in both directions."""

    stream: int


SpdyEvent = StreamOpened | StreamData | StreamEnded | StreamReset


class _Open(Flag):
    TO_US = auto()
    TO_PEER = auto()


class SpdyServer:
    """One connection, from just after the upgrade until either side closes it."""

    def __init__(self, max_streams: int = MAX_STREAMS) -> None:
        self._reader, self._writer = FrameReader(), FrameWriter()
        self._output = bytearray()
        self._streams: dict[int, _Open] = {}
        self._last_stream = 0
        self._max_streams = max_streams

    @property
    def open_streams(self) -> int:
        return len(self._streams)

    def data_to_send(self) -> bytes:
        """The bytes to send to the peer now; each byte is returned once."""
        data = bytes(self._output)
        self._output.clear()
        return data

    def receive(self, data: bytes) -> list[SpdyEvent]:
        """The events of received bytes.

        Raises:
            PeerError: they break the protocol; send what is left to send, then close.
        """
        try:
            frames = self._reader.receive(data)
        except PeerError:
            self.leave()
            raise
        return [event for frame in frames for event in self._on_frame(frame)]

    def send(self, stream: int, data: bytes, fin: bool = False) -> None:
        """Send on a stream; nothing happens if it has been reset or we have ended it."""
        state = self._streams.get(stream, _Open(0))
        if _Open.TO_PEER not in state:
            return
        self._output += self._writer.data(stream, data, fin)
        if fin:
            self._close(stream, _Open.TO_PEER)

    def reset(self, stream: int) -> None:
        """Give a stream up in both directions."""
        if self._streams.pop(stream, None):
            self._output += self._writer.reset(stream, CANCEL)

    def leave(self) -> None:
        """Tell the peer that no more streams will be accepted."""
        self._output += self._writer.go_away(self._last_stream)

    def _on_frame(self, frame: Frame) -> list[SpdyEvent]:
        match frame:
            case SynStream():
                return self._on_open(frame)
            case Data():
                return self._on_data(frame)
            case ResetFrame(stream):
                return [StreamReset(stream)] if self._streams.pop(stream, None) else []
            case Ping(id_) if id_ % 2:  # those of even number would be answers to pings of ours
                self._output += self._writer.ping(id_)
        return []

    def _on_open(self, frame: SynStream) -> list[SpdyEvent]:
        if frame.stream % 2 == 0 or frame.stream <= self._last_stream:
            self._output += self._writer.reset(frame.stream, PROTOCOL_ERROR)
            return []
        self._last_stream = frame.stream
        if len(self._streams) >= self._max_streams:
            self._output += self._writer.reset(frame.stream, REFUSED_STREAM)
            return []
        self._streams[frame.stream] = _Open.TO_US | _Open.TO_PEER
        self._output += self._writer.syn_reply(frame.stream)
        opened = StreamOpened(frame.stream, frame.headers)
        return [opened, *self._ended(frame.stream)] if frame.fin else [opened]

    def _on_data(self, frame: Data) -> list[SpdyEvent]:
        if _Open.TO_US not in self._streams.get(frame.stream, _Open(0)):
            return []  # a stream that we have given up, while the data was on its way
        events: list[SpdyEvent] = [StreamData(frame.stream, frame.data)] if frame.data else []
        return [*events, *self._ended(frame.stream)] if frame.fin else events

    def _ended(self, stream: int) -> list[SpdyEvent]:
        self._close(stream, _Open.TO_US)
        return [StreamEnded(stream)]

    def _close(self, stream: int, direction: _Open) -> None:
        self._streams[stream] &= ~direction
        if not self._streams[stream]:
            del self._streams[stream]
