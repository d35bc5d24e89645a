"""Forwarded ports as channels of a WebSocket, which client libraries use."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.streaming.channels import V4
from fairlead.streaming.errors import BadRequest, PeerError
from fairlead.streaming.port_forward import AllGone, PortData, PortOpened
from fairlead.streaming.port_forward_channels import ChannelPortForward, parse_ports
from tests.support.web_socket_client import WebSocketClient


@pytest.fixture
def client():
    return WebSocketClient(V4)


@pytest.fixture
def forward(client):
    return ChannelPortForward(client.head, (80, 8080))


def test_each_channel_begins_with_its_port(client, forward):
    assert forward.receive(b"") == [PortOpened(0, 80), PortOpened(2, 8080)]
    http, other = b"\x50\x00", b"\x90\x1f"
    assert client.received(forward.data_to_send()) == [b"\0" + http, b"\1" + http, b"\2" + other, b"\3" + other]


def test_data_and_errors(client, forward):
    forward.receive(b"")
    client.received(forward.data_to_send())
    assert forward.receive(client.message(b"\2hello")) == [PortData(2, b"hello")]
    assert forward.receive(client.message(b"\1nobody reads this")) == []
    forward.send(2, b"world")
    forward.finish(0, "refused")
    assert client.received(forward.data_to_send()) == [b"\2world", b"\1refused"]
    assert forward.receive(client.message(b"\0late")) == []


def test_the_last_connection_closes_the_web_socket(client, forward):
    forward.receive(b"")
    client.received(forward.data_to_send())
    forward.finish(0)
    assert forward.receive(b"") == []
    forward.finish(2)
    assert forward.receive(b"") == [AllGone()]


def test_a_client_that_closes_is_gone(client, forward):
    forward.receive(b"")
    client.received(forward.data_to_send())
    assert forward.receive(client.close()) == [AllGone()]


def test_a_client_without_the_protocol_is_refused():
    forward = ChannelPortForward(WebSocketClient("other").head, (80,))
    assert forward.receive(b"") == [AllGone()]
    assert forward.data_to_send().startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(("values", "expected"), [(["80"], (80,)), (["80,81", "82"], (80, 81, 82))])
def test_ports(values, expected):
    assert parse_ports(values) == expected


@pytest.mark.parametrize("values", [[], [""], ["0"], ["65536"], ["http"], ["80,"], ["-1"], [",".join(["80"] * 101)]])
def test_invalid_lists_of_ports(values):
    with pytest.raises(BadRequest):
        parse_ports(values)


@given(st.binary(max_size=80))
@settings(max_examples=50)
def test_junk_is_at_worst_a_peer_error(junk):
    forward = ChannelPortForward(WebSocketClient(V4).head, (80,))
    forward.receive(b"")
    with suppress(PeerError):
        forward.receive(junk)
    assert isinstance(forward.data_to_send(), bytes)
