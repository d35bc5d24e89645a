"""The forms that channels of a WebSocket have, by the subprotocol that a client asks for."""

import base64

import pytest

from fairlead.streaming.channels import PLAIN, PLAIN_BASE64, V4, V4_BASE64, ChannelReader
from fairlead.streaming.errors import PeerError
from fairlead.streaming.exec_events import Established, Input, Output
from fairlead.streaming.exec_request import ExecRequest
from fairlead.streaming.exec_status import exited
from fairlead.streaming.exec_websocket import WebSocketExec
from fairlead.streaming.port_forward import PortData, PortOpened
from fairlead.streaming.port_forward_channels import ChannelPortForward
from fairlead.streaming.websocket import Piece
from tests.support.web_socket_client import WebSocketClient

FORMS = [
    pytest.param((V4,), False, True, id="version 4"),
    pytest.param((V4_BASE64,), True, True, id="version 4 in base64"),
    pytest.param((PLAIN,), False, False, id="before version 4"),
    pytest.param((PLAIN_BASE64,), True, False, id="before version 4, in base64"),
    pytest.param((), False, False, id="none named"),
]


def said(channel, data, in_base64):
    return b"%d" % channel + base64.b64encode(data) if in_base64 else bytes((channel,)) + data


@pytest.mark.parametrize(("protocols", "in_base64", "tells_status"), FORMS)
def test_a_command(protocols, in_base64, tells_status):
    client = WebSocketClient(*protocols)
    session = WebSocketExec(ExecRequest(("sh",), True, frozenset({Output.STDOUT}), False), client.head)
    assert client.received(session.data_to_send()) == []
    assert client.protocol.subprotocol == (protocols[0] if protocols else None)
    send = client.text if in_base64 else client.message
    assert session.receive(send(said(0, b"in", in_base64))) == [Established(), Input(b"in")]
    assert client.received(session.data_to_send()) == [said(1, b"", in_base64)]
    session.output(Output.STDOUT, b"out")
    session.finish(exited(0))
    status = [said(3, exited(0), in_base64)] if tells_status else []
    assert client.received(session.data_to_send()) == [said(1, b"out", in_base64), *status]


@pytest.mark.parametrize(("protocols", "in_base64", "tells_status"), FORMS)
def test_a_failure_is_reported_in_every_format(protocols, in_base64, tells_status):
    client = WebSocketClient(*protocols)
    session = WebSocketExec(ExecRequest(("sh",), False, frozenset({Output.STDOUT}), False), client.head)
    client.received(session.data_to_send())
    session.finish(exited(3))
    text = exited(3) if tells_status else b"command terminated with non-zero exit code: exit status 3"
    assert client.received(session.data_to_send()) == [said(3, text, in_base64)]


@pytest.mark.parametrize(("protocols", "in_base64", "_"), [FORMS[0], FORMS[1], FORMS[4]])
def test_ports(protocols, in_base64, _):
    client = WebSocketClient(*protocols)
    forward = ChannelPortForward(client.head, (80,))
    assert forward.receive(b"") == [PortOpened(0, 80)]
    expected = [said(channel, b"\x50\x00", in_base64) for channel in (0, 1)]
    assert client.received(forward.data_to_send()) == expected
    send = client.text if in_base64 else client.message
    assert forward.receive(send(said(0, b"hello", in_base64))) == [PortData(0, b"hello")]
    forward.send(0, b"world")
    assert client.received(forward.data_to_send()) == [said(0, b"world", in_base64)]


def test_base64_in_pieces():
    reader = ChannelReader(in_base64=True)
    text = said(0, b"hello, world", True)
    pieces = [Piece(number == 0, text[number : number + 1]) for number in range(len(text))]
    found = [reader.receive(piece) for piece in pieces]
    assert b"".join(data.data for data in found if data) == b"hello, world"


@pytest.mark.parametrize("text", [b"0!!!!", b"x", b"0a=bc"])
def test_invalid_base64(text):
    with pytest.raises(PeerError):
        ChannelReader(in_base64=True).receive(Piece(True, text))
