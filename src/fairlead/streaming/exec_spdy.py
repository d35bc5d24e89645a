"""A command's streams over SPDY: one SPDY stream each, named by the header ``streamtype``.

Refuses streams that the request did not ask for, and second ones of a kind. The command starts once all are there.
Source: ``staging/src/k8s.io/cri-streaming`` (httpstream.go: createHTTPStreamStreams); protocol v4.channel.k8s.io.
"""

from fairlead.streaming.exec_events import (
    Established,
    ExecEvent,
    Gone,
    Input,
    InputEnded,
    Output,
    ResizeReader,
)
from fairlead.streaming.exec_request import ExecRequest
from fairlead.streaming.spdy import SpdyEvent, SpdyServer, StreamData, StreamEnded, StreamOpened, StreamReset

PROTOCOL = "v4.channel.k8s.io"
MAX_STREAMS = 5  # error, stdin, stdout, stderr, resize
STREAMS_SECONDS = 30.0  # as upstream's streamCreationTimeout

STREAM_TYPE = "streamtype"
_ERROR, _STDIN, _RESIZE = "error", "stdin", "resize"


class SpdyExec:
    """An ``ExecSession`` over an upgraded connection."""

    def __init__(self, request: ExecRequest) -> None:
        self._spdy = SpdyServer(MAX_STREAMS)
        self._expected = _expected(request)
        self._streams: dict[str, int] = {}  # by type
        self._resizes = ResizeReader()

    @property
    def patience(self) -> float:
        return STREAMS_SECONDS

    def start_unasked(self) -> list[ExecEvent]:
        return [Gone()]

    def receive(self, data: bytes) -> list[ExecEvent]:
        return [event for received in self._spdy.receive(data) for event in self._on_event(received)]

    def output(self, stream: Output, data: bytes) -> None:
        if number := self._streams.get(stream.value):
            self._spdy.send(number, data)

    def finish(self, status: bytes) -> None:
        for output in Output:
            if number := self._streams.get(output.value):
                self._spdy.send(number, b"", fin=True)
        if number := self._streams.get(_ERROR):
            self._spdy.send(number, status, fin=True)
        self._spdy.leave()

    def data_to_send(self) -> bytes:
        return self._spdy.data_to_send()

    def _on_event(self, event: SpdyEvent) -> list[ExecEvent]:
        match event:
            case StreamOpened(stream, headers):
                return self._on_opened(stream, headers.get(STREAM_TYPE, ""))
            case StreamData(stream, data) if stream == self._streams.get(_STDIN):
                return [Input(data)]
            case StreamData(stream, data) if stream == self._streams.get(_RESIZE):
                return self._resizes.receive(data)
            case StreamEnded(stream) if stream == self._streams.get(_STDIN):
                return [InputEnded()]
            case StreamReset(stream) if stream in self._streams.values():
                return [Gone()]
        return []

    def _on_opened(self, stream: int, kind: str) -> list[ExecEvent]:
        if kind not in self._expected or kind in self._streams:
            self._spdy.reset(stream)
            return []
        self._streams[kind] = stream
        return [Established()] if self._streams.keys() == self._expected else []


def _expected(request: ExecRequest) -> set[str]:
    expected = {_ERROR, *(output.value for output in request.outputs)}
    if request.stdin:
        expected.add(_STDIN)
    if request.tty:
        expected.add(_RESIZE)
    return expected
