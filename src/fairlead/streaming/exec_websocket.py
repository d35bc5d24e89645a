"""A command's streams over a WebSocket: one channel each.

The server speaks first, with an empty message, so that the client knows the connection to stand before any output.

The command starts once the client is known to read. kubectl (seen with 1.33) makes its streams while its reader runs
already, and drops what comes for a stream that it does not have yet: all that a quick command says. So a ping comes
first, which the reader answers. For a client that sends nothing for ANSWER_SECONDS, the command is started
nevertheless.
Source: ``staging/src/k8s.io/cri-streaming`` (websocket.go: createWebSocketStreams).
"""

import json

from fairlead.streaming.channels import (
    CLOSE,
    ERROR,
    PLAIN,
    PLAIN_BASE64,
    RESIZE,
    STDERR,
    STDIN,
    STDOUT,
    UNNAMED,
    V4,
    V4_BASE64,
    V5,
    Channels,
)
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
from fairlead.streaming.websocket import Answered, Piece, WebSocketClosed

PROTOCOLS = (V5, V4, V4_BASE64, PLAIN, PLAIN_BASE64, UNNAMED)
_CHANNELS = {Output.STDOUT: STDOUT, Output.STDERR: STDERR}
ANSWER_SECONDS = 0.25  # a client that answers pings does so within a round trip


class WebSocketExec:
    """An ``ExecSession`` over a connection whose request is given, as received."""

    def __init__(self, request: ExecRequest, head: bytes) -> None:
        self._request = request
        self._channels = Channels(head, PROTOCOLS)
        self._socket = self._channels.socket
        self._resizes = ResizeReader()
        self._is_established = False
        if self._socket.is_open:
            self._socket.ping()

    @property
    def patience(self) -> float:
        return ANSWER_SECONDS

    def start_unasked(self) -> list[ExecEvent]:
        return self._establish()

    def receive(self, data: bytes) -> list[ExecEvent]:
        if not data:
            return [] if self._socket.is_open else [Gone()]
        received = self._socket.receive(data)
        events = self._establish() if received else []
        return events + [event for each in received for event in self._on_event(each)]

    def output(self, stream: Output, data: bytes) -> None:
        if stream in self._request.outputs:
            self._channels.send(_CHANNELS[stream], data)

    def finish(self, status: bytes) -> None:
        if self._channels.tells_status:
            self._channels.send(ERROR, status)
        elif failure := json.loads(status).get("message"):
            self._channels.send(ERROR, failure.encode())
        self._socket.close()

    def data_to_send(self) -> bytes:
        return self._socket.data_to_send()

    def _establish(self) -> list[ExecEvent]:
        """Whatever the client says shows that its streams are there."""
        if self._is_established:
            return []
        self._is_established = True
        first = min((_CHANNELS[output] for output in self._request.outputs), default=ERROR)
        self._channels.send(first, b"")
        return [Established()]

    def _on_event(self, event: Piece | Answered | WebSocketClosed) -> list[ExecEvent]:
        if isinstance(event, WebSocketClosed):
            return [Gone()]
        received = self._channels.received(event)
        match received:
            case (channel, data, _) if channel == STDIN and self._request.stdin:
                return [Input(data)] if data else []
            case (channel, data, _) if channel == RESIZE and self._request.tty:
                return self._resizes.receive(data)
            case (channel, data, _) if channel == CLOSE and data[:1] == bytes((STDIN,)):
                return [InputEnded()] if self._socket.subprotocol == V5 and self._request.stdin else []
        return []
