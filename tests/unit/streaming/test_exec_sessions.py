"""A command's streams over SPDY and over WebSockets: one table of conversations, told in both."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.streaming import exec_status
from fairlead.streaming.channels import V4, V5
from fairlead.streaming.errors import BadRequest, PeerError
from fairlead.streaming.exec_events import (
    Established,
    Gone,
    Input,
    InputEnded,
    Output,
    Resize,
    ResizeReader,
)
from fairlead.streaming.exec_request import ExecRequest, parse_attach, parse_exec
from fairlead.streaming.exec_spdy import SpdyExec
from fairlead.streaming.exec_websocket import WebSocketExec
from fairlead.streaming.spdy_frames import (
    CANCEL,
    GOAWAY,
    SYN_REPLY,
    Data,
    FrameReader,
    FrameWriter,
    IgnoredFrame,
    ResetFrame,
)
from tests.support.web_socket_client import WebSocketClient

ALL = frozenset(Output)
PLAIN = ExecRequest(("cat",), stdin=True, outputs=ALL, tty=False)
TERMINAL = ExecRequest(("sh",), stdin=True, outputs=frozenset({Output.STDOUT}), tty=True)
QUIET = ExecRequest(("true",), stdin=False, outputs=frozenset({Output.STDERR}), tty=False)


class SpdySide:
    """A client that speaks SPDY to a session."""

    def __init__(self, request):
        self.session, self.writer, self.reader = SpdyExec(request), FrameWriter(), FrameReader()
        kinds = ["error", "stdin" if request.stdin else "", *(o.value for o in request.outputs)]
        kinds += ["resize"] if request.tty else []
        self.streams = {kind: 2 * n + 1 for n, kind in enumerate(filter(None, kinds))}

    def begin(self):
        return b"".join(self.writer.syn_stream(n, {"streamtype": kind}) for kind, n in self.streams.items())

    def input(self, data):
        return self.writer.data(self.streams["stdin"], data)

    def end_input(self):
        return self.writer.data(self.streams["stdin"], b"", fin=True)

    def resize(self, data):
        return self.writer.data(self.streams["resize"], data)

    def leave(self):
        return self.writer.reset(self.streams["error"], CANCEL)

    def received(self):
        """What the client sees, by stream."""
        seen = {}
        for frame in self.reader.receive(self.session.data_to_send()):
            if isinstance(frame, Data):
                kind = next(kind for kind, number in self.streams.items() if number == frame.stream)
                seen[kind] = seen.get(kind, b"") + frame.data
        return {kind: data for kind, data in seen.items() if data}


class WebSocketSide:
    """A client that speaks version 5 over a WebSocket to a session."""

    KINDS = ("stdin", "stdout", "stderr", "error", "resize")

    def __init__(self, request):
        self.client = WebSocketClient(V5)
        self.session = WebSocketExec(request, self.client.head)
        self.client.received(self.session.data_to_send())

    def begin(self):
        return self.client.sent()  # the answer to the ping

    def input(self, data):
        return self.client.message(b"\x00" + data)

    def end_input(self):
        return self.client.message(b"\xff\x00")

    def resize(self, data):
        return self.client.message(b"\x04" + data)

    def leave(self):
        return self.client.close()

    def received(self):
        seen = {}
        for message in self.client.received(self.session.data_to_send()):
            if message[1:] and message[0] < len(self.KINDS):
                kind = self.KINDS[message[0]]
                seen[kind] = seen.get(kind, b"") + message[1:]
        return seen


@pytest.fixture(params=[SpdySide, WebSocketSide])
def side(request):
    return request.param


def said(side, *data):
    """The events of what a client says, pieces of input put together."""
    result = []
    for event in side.session.receive(b"".join(data)):
        if isinstance(event, Input) and result and isinstance(result[-1], Input):
            result[-1] = Input(result[-1].data + event.data)
        else:
            result.append(event)
    return result


def test_input_reaches_the_command_and_ends(side):
    client = side(PLAIN)
    assert said(client, client.begin()) == [Established()]
    assert said(client, client.input(b"a"), client.input(b"b"), client.end_input()) == [Input(b"ab"), InputEnded()]


def test_output_and_status_reach_the_client(side):
    client = side(PLAIN)
    client.session.receive(client.begin())
    client.session.output(Output.STDOUT, b"out")
    client.session.output(Output.STDERR, b"err")
    client.session.finish(exec_status.exited(3))
    seen = client.received()
    assert (seen["stdout"], seen["stderr"]) == (b"out", b"err")
    assert json.loads(seen["error"])["details"] == {"causes": [{"reason": "ExitCode", "message": "3"}]}


def test_the_size_of_a_terminal_reaches_the_command(side):
    client = side(TERMINAL)
    client.session.receive(client.begin())
    sizes = client.resize(b'{"Width":80,"Height":24}\n') + client.resize(b'{"Width":100,"Height":50}')
    assert said(client, sizes) == [Resize(80, 24), Resize(100, 50)]


def test_a_terminal_without_a_known_size():
    assert ResizeReader().receive(b'{"Width":0,"Height":0}{"Width":80,"Height":24}') == [Resize(80, 24)]


def test_a_client_that_leaves_is_noticed(side):
    client = side(PLAIN)
    client.session.receive(client.begin())
    assert said(client, client.leave()) == [Gone()]


def test_streams_that_were_not_asked_for_carry_nothing(side):
    client = side(QUIET)
    assert said(client, client.begin()) == [Established()]
    client.session.output(Output.STDOUT, b"nobody wants this")
    assert client.received() == {}


def test_nothing_is_sent_after_the_end(side):
    client = side(PLAIN)
    client.session.receive(client.begin())
    client.session.finish(exec_status.exited(0))
    client.received()
    client.session.output(Output.STDOUT, b"late")
    assert client.session.data_to_send() == b""


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=6), st.sampled_from([SpdySide, WebSocketSide]))
@settings(max_examples=60)
def test_input_arrives_byte_by_byte(inputs, side):
    client = side(TERMINAL)
    conversation = client.begin() + b"".join(map(client.input, inputs))
    events = client.session.receive(b"")
    for byte in conversation:
        events += client.session.receive(bytes((byte,)))
    assert events[0] == Established()
    assert b"".join(event.data for event in events[1:]) == b"".join(inputs)


@given(st.binary(max_size=100), st.sampled_from([SpdySide, WebSocketSide]))
@settings(max_examples=100)
def test_junk_is_at_worst_a_peer_error(junk, side):
    client = side(PLAIN)
    client.session.receive(client.begin())
    with suppress(PeerError):
        client.session.receive(junk)
    assert isinstance(client.session.data_to_send(), bytes)


# Over SPDY only.


def test_a_command_starts_only_when_all_its_streams_are_there():
    client = SpdySide(PLAIN)
    opening = client.begin()
    assert said(client, opening[:-1]) == []
    assert said(client, opening[-1:]) == [Established()]


def test_streams_of_unknown_second_or_unwanted_type_are_reset():
    session, writer = SpdyExec(QUIET), FrameWriter()
    kinds = ("error", "error", "stdin", "nonsense")
    session.receive(b"".join(writer.syn_stream(2 * n + 1, {"streamtype": kind}) for n, kind in enumerate(kinds)))
    frames = [f for f in FrameReader().receive(session.data_to_send()) if f != IgnoredFrame(SYN_REPLY)]
    assert frames == [ResetFrame(3), ResetFrame(5), ResetFrame(7)]


def test_output_streams_and_connection_are_ended_in_order():
    client = SpdySide(QUIET)
    client.session.receive(client.begin())
    client.session.data_to_send()
    client.session.finish(b"status")
    error, stderr = client.streams["error"], client.streams["stderr"]
    frames = FrameReader().receive(client.session.data_to_send())
    assert frames == [Data(stderr, b"", True), Data(error, b"status", True), IgnoredFrame(GOAWAY)]


# Over WebSockets only.


@pytest.mark.parametrize("is_answered", [True, False], ids=["answers the ping", "says nothing"])
def test_the_server_speaks_first_and_to_a_client_that_reads(is_answered):
    client = WebSocketSide(PLAIN)
    session = client.session
    assert (session.receive(b""), session.data_to_send()) == ([], b"")
    begun = session.receive(client.begin()) if is_answered else session.start_unasked()
    assert begun == [Established()]
    assert client.client.received(session.data_to_send()) == [b"\x01"]
    assert session.receive(client.client.protocol.send_pong(b"") or client.client.sent()) == []
    assert client.client.protocol.subprotocol == V5


def test_a_fragmented_message_stays_in_its_channel():
    client = WebSocketSide(PLAIN)
    client.session.receive(client.begin())
    assert said(client, client.client.fragments(b"", b"\x00a", b"b", b"c")) == [Input(b"abc")]


def test_version_4_knows_no_end_of_input():
    client = WebSocketClient(V4)
    session = WebSocketExec(PLAIN, client.head)
    client.received(session.data_to_send())
    session.receive(client.sent())
    assert session.receive(client.message(b"\xff\x00")) == []


def test_a_client_without_a_common_protocol_is_refused():
    client = WebSocketClient("v3.channel.k8s.io")
    session = WebSocketExec(PLAIN, client.head)
    assert session.receive(b"") == [Gone()]
    assert session.data_to_send().startswith(b"HTTP/1.1 400 ")


# Requests, sizes and status documents.

REQUESTS = [
    ("command=a&command=b&output=1&error=1", ExecRequest(("a", "b"), False, ALL, False)),
    ("command=sh&input=1&output=1&error=1&tty=1", ExecRequest(("sh",), True, frozenset({Output.STDOUT}), True)),
    ("command=sh&input=true&output=false", ExecRequest(("sh",), True, frozenset(), False)),
]


def query(text):
    fields = {}
    for part in text.split("&"):
        name, _, value = part.partition("=")
        fields.setdefault(name, []).append(value)
    return fields


@pytest.mark.parametrize(("text", "expected"), REQUESTS)
def test_parse_exec(text, expected):
    assert parse_exec(query(text)) == expected


def test_attach_has_no_command():
    assert parse_attach(query("output=1&command=ignored")) == ExecRequest((), False, frozenset({Output.STDOUT}), False)


@pytest.mark.parametrize("text", ["output=1", "command=a", "command=a&error=1&tty=1", "command=a&output=0"])
def test_requests_that_make_no_sense(text):
    with pytest.raises(BadRequest):
        parse_exec(query(text))


@pytest.mark.parametrize(
    "text",
    ["x", "[]", "{}", '{"Width":-1,"Height":1}', '{"Width":70000,"Height":1}', '{"Width":"8"}', "{" + " " * 2000],
)
def test_invalid_terminal_sizes(text):
    with pytest.raises(PeerError):
        ResizeReader().receive(text.encode())


def test_success_is_reported_briefly():
    assert json.loads(exec_status.exited(0)) == {"metadata": {}, "status": "Success"}


def test_a_command_that_could_not_start_is_an_internal_error():
    status = json.loads(exec_status.not_started("no such file"))
    assert (status["reason"], status["code"]) == ("InternalError", 500)
    assert status["message"] == "Internal error occurred: error executing command in container: no such file"
