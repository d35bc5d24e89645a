"""Forwarded connections: which streams belong together, over plain SPDY and inside a WebSocket."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.streaming.errors import PeerError
from fairlead.streaming.port_forward import (
    TUNNEL_PROTOCOL,
    AllGone,
    PlainBytes,
    PortData,
    PortEnded,
    PortForward,
    PortOpened,
    PortReset,
    WebSocketBytes,
)
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


class Plain:
    def __init__(self):
        self.forward, self.reader = PortForward(PlainBytes()), FrameReader()

    def say(self, data):
        return self.forward.receive(data)

    def hear(self):
        return [f for f in self.reader.receive(self.forward.data_to_send()) if f != IgnoredFrame(SYN_REPLY)]


class Tunnelled(Plain):
    def __init__(self):
        self.client = WebSocketClient(TUNNEL_PROTOCOL)
        self.forward, self.reader = PortForward(WebSocketBytes(self.client.head)), FrameReader()
        self.forward.receive(b"")
        self.client.received(self.forward.data_to_send())

    def say(self, data):
        half = len(data) // 2
        return self.forward.receive(self.client.message(data[:half]) + self.client.message(data[half:]))

    def hear(self):
        frames = self.reader.receive(b"".join(self.client.received(self.forward.data_to_send())))
        return [frame for frame in frames if frame != IgnoredFrame(SYN_REPLY)]


@pytest.fixture(params=[Plain, Tunnelled])
def peer(request):
    return request.param()


def stream(writer, number, kind, port="80", request="0"):
    return writer.syn_stream(number, {"streamtype": kind, "port": port, "requestid": request})


def opened(peer):
    """A writer, after it has opened connection 3 with error stream 1."""
    writer = FrameWriter()
    assert peer.say(stream(writer, 1, "error") + writer.data(1, b"", fin=True)) == []
    assert peer.say(stream(writer, 3, "data")) == [PortOpened(3, 80)]
    assert peer.hear() == []
    return writer


def test_data_flows_both_ways_and_each_side_ends_on_its_own(peer):
    writer = opened(peer)
    events = peer.say(writer.data(3, b"GET") + writer.data(3, b"", fin=True))
    data = b"".join(event.data for event in events if isinstance(event, PortData))
    assert (data, events[-1]) == (b"GET", PortEnded(3))
    peer.forward.send(3, b"200 OK")
    peer.forward.end(3)
    peer.forward.finish(3)
    assert peer.hear() == [Data(3, b"200 OK", False), Data(3, b"", True), Data(1, b"", True)]


def test_a_failure_is_reported_on_the_error_stream(peer):
    opened(peer)
    peer.forward.finish(3, "connection refused")
    assert peer.hear() == [Data(1, b"connection refused", True), Data(3, b"", True)]


def test_a_connection_that_the_client_gives_up_is_gone(peer):
    writer = opened(peer)
    assert peer.say(writer.reset(3, CANCEL)) == [PortReset(3)]
    peer.forward.send(3, b"lost")
    peer.forward.finish(3, "lost")
    assert peer.hear() == [ResetFrame(1)]


def test_connections_do_not_mix(peer):
    writer = opened(peer)
    events = peer.say(stream(writer, 5, "error", "81", "1") + stream(writer, 7, "data", "81", "1"))
    assert events == [PortOpened(7, 81)]
    peer.forward.finish(3, "a")
    peer.forward.finish(7, "b")
    assert [f for f in peer.hear() if f.data] == [Data(1, b"a", True), Data(5, b"b", True)]


REFUSED = {
    "no type": {"port": "80", "requestid": "1"},
    "an unknown type": {"streamtype": "stdin", "port": "80", "requestid": "1"},
    "no port": {"streamtype": "data", "requestid": "1"},
    "port 0": {"streamtype": "data", "port": "0", "requestid": "1"},
    "a port that is none": {"streamtype": "data", "port": "65536", "requestid": "1"},
    "a port in words": {"streamtype": "data", "port": "http", "requestid": "1"},
    "a second stream of its type": {"streamtype": "data", "port": "80", "requestid": "0"},
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
def test_streams_that_are_refused(peer, headers):
    writer = opened(peer)
    assert peer.say(writer.syn_stream(5, headers)) == []
    assert peer.hear() == [ResetFrame(5)]
    assert len(peer.forward._connections) == 1


def test_an_error_stream_that_is_given_up_is_forgotten(peer):
    writer = FrameWriter()
    peer.say(stream(writer, 1, "error") + writer.reset(1, CANCEL))
    assert peer.forward._connections == {}


def test_a_client_of_a_tunnel_may_close_it():
    peer = Tunnelled()
    assert peer.forward.receive(peer.client.close()) == [AllGone()]


def test_closing_says_so(peer):
    peer.forward.close()
    assert IgnoredFrame(GOAWAY) in peer.hear()


def test_a_tunnel_needs_its_protocol():
    forward = PortForward(WebSocketBytes(WebSocketClient("v4.channel.k8s.io").head))
    assert forward.receive(b"") == [AllGone()]
    assert forward.data_to_send().startswith(b"HTTP/1.1 400 ")


@given(st.binary(max_size=80), st.sampled_from([Plain, Tunnelled]))
@settings(max_examples=60)
def test_junk_is_at_worst_a_peer_error(junk, kind):
    peer = kind()
    with suppress(PeerError):
        peer.forward.receive(junk)
    assert isinstance(peer.forward.data_to_send(), bytes)
