"""SPDY: the same events however the bytes are cut, limits that hold, and nothing worse than a PeerError from junk."""

import struct
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.streaming.errors import PeerError
from fairlead.streaming.spdy import SpdyServer, StreamData, StreamEnded, StreamOpened, StreamReset
from fairlead.streaming.spdy_frames import (
    CANCEL,
    DICTIONARY,
    GOAWAY,
    HEADERS,
    MAX_CONTROL,
    MAX_HEADERS,
    SYN_REPLY,
    SYN_STREAM,
    Data,
    FrameReader,
    FrameWriter,
    IgnoredFrame,
    Ping,
    ResetFrame,
    SynStream,
    parse_headers,
)


def control(kind, payload, version=3, flags=0):
    return struct.pack(">HHI", 0x8000 | version, kind, flags << 24 | len(payload)) + payload


def received(*frames):
    """What a peer reads of the given bytes."""
    return FrameReader().receive(b"".join(frames))


def byte_by_byte(receive, data):
    return [event for byte in data for event in receive(bytes((byte,)))]


def joined(events):
    """Events with neighbouring pieces of data put together."""
    result = []
    for event in events:
        last = result[-1] if result else None
        if isinstance(event, StreamData) and isinstance(last, StreamData) and last.stream == event.stream:
            result[-1] = StreamData(event.stream, last.data + event.data)
        else:
            result.append(event)
    return result


def test_the_dictionary_is_the_one_of_the_specification():
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_a_conversation_parses_the_same_whole_and_byte_by_byte():
    client = FrameWriter()
    conversation = (
        client.syn_stream(1, {"streamtype": "error"})
        + client.syn_stream(3, {"streamtype": "stdin"})
        + client.data(3, b"hello")
        + client.ping(7)
        + client.data(3, b"", fin=True)
        + client.reset(1, CANCEL)
        + client.go_away(0)
    )
    expected = [
        StreamOpened(1, {"streamtype": "error"}),
        StreamOpened(3, {"streamtype": "stdin"}),
        StreamData(3, b"hello"),
        StreamEnded(3),
        StreamReset(1),
    ]
    whole, slow = SpdyServer(), SpdyServer()
    assert whole.receive(conversation) == expected
    assert joined(byte_by_byte(slow.receive, conversation)) == expected
    assert whole.data_to_send() == slow.data_to_send() != b""
    assert whole.data_to_send() == b""


names = st.text(st.characters(codec="ascii", categories=["Ll", "Nd"]), min_size=1)
headers = st.dictionaries(names, st.text(max_size=40))
frames = st.one_of(
    st.builds(SynStream, st.integers(1, 2**31 - 1), headers, st.just(False)),
    st.builds(Data, st.integers(1, 2**31 - 1), st.binary(min_size=1, max_size=200), st.booleans()),
    st.builds(ResetFrame, st.integers(1, 2**31 - 1)),
    st.builds(Ping, st.integers(0, 2**32 - 1)),
)


def written(writer, frame):
    match frame:
        case SynStream(stream, fields, _):
            return writer.syn_stream(stream, fields)
        case Data(stream, data, fin):
            return writer.data(stream, data, fin)
        case ResetFrame(stream):
            return writer.reset(stream, CANCEL)
        case Ping(number):
            return writer.ping(number)


@given(st.lists(frames, max_size=8))
@settings(max_examples=60)
def test_written_frames_are_read_back(sent):
    writer = FrameWriter()
    assert received(*(written(writer, frame) for frame in sent)) == sent


@given(st.lists(st.binary(max_size=60), max_size=5))
@settings(max_examples=100)
def test_junk_is_at_worst_a_peer_error(pieces):
    server = SpdyServer()
    server.receive(FrameWriter().syn_stream(1, {"streamtype": "error"}))
    try:
        for piece in pieces:
            server.receive(piece)
    except PeerError:
        assert received(server.data_to_send())[-1] == IgnoredFrame(GOAWAY)


@given(st.integers(0, 11), st.binary(max_size=40), st.integers(0, 255))
@settings(max_examples=150)
def test_junk_in_control_frames_is_at_worst_a_peer_error(kind, payload, flags):
    with suppress(PeerError):
        SpdyServer().receive(control(kind, payload, flags=flags))


def packed(block, **options):
    deflate = zlib.compressobj(zdict=DICTIONARY, **options)
    return deflate.compress(block) + deflate.flush(zlib.Z_SYNC_FLUSH)


def syn(block, stream=1):
    return control(SYN_STREAM, struct.pack(">IIBB", stream, 0, 0, 0) + packed(block))


def field(text):
    return struct.pack(">I", len(text)) + text


REFUSED = {
    "another version": control(6, struct.pack(">I", 1), version=2),
    "a control frame that is too long": control(SYN_STREAM, b"")[:4] + struct.pack(">I", MAX_CONTROL + 1),
    "data on stream 0": struct.pack(">II", 0, 1) + b"x",
    "a header block that unpacks to too much": syn(bytes(MAX_HEADERS + 1)),
    "a header block that unpacks to very much": syn(bytes(50_000_000)),
    "a header block that is not compressed": control(SYN_STREAM, bytes(30)),
    "a header block that ends the compression": control(
        SYN_STREAM, struct.pack(">IIBB", 1, 0, 0, 0) + zlib.compress(bytes(4))
    ),
    "a short control frame": control(SYN_STREAM, b"\0\0"),
    "too many headers for the block": syn(struct.pack(">I", 2**32 - 1)),
    "a name that reaches beyond the block": syn(struct.pack(">II", 1, 2**32 - 1) + b"abcd"),
    "a name in upper case": syn(struct.pack(">I", 1) + field(b"Port") + field(b"80")),
    "a name that comes twice": syn(struct.pack(">I", 2) + 2 * (field(b"port") + field(b"80"))),
    "an empty name": syn(struct.pack(">I", 1) + field(b"") + field(b"80")),
    "bytes after the last header": syn(struct.pack(">I", 0) + b"x"),
    "a name that is not UTF-8": syn(struct.pack(">I", 1) + field(b"\xff") + field(b"80")),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_a_refused_frame_ends_the_connection(data):
    server = SpdyServer()
    with pytest.raises(PeerError):
        server.receive(data)
    assert received(server.data_to_send()) == [IgnoredFrame(GOAWAY)]


def test_headers_of_other_frames_are_unpacked_too_since_later_ones_refer_to_them():
    client = FrameWriter()
    reply_with_headers = control(HEADERS, struct.pack(">I", 1) + client._headers({"a": "some value that comes again"}))
    opening = client.syn_stream(3, {"b": "some value that comes again"})
    assert SpdyServer().receive(reply_with_headers + opening) == [StreamOpened(3, {"b": "some value that comes again"})]


def test_parse_headers_keeps_several_values_together():
    block = struct.pack(">I", 1) + field(b"accept") + field(b"a\0b")
    assert parse_headers(block) == {"accept": "a\0b"}


def opened(server, *streams):
    client = FrameWriter()
    server.receive(b"".join(client.syn_stream(stream, {}) for stream in streams))
    server.data_to_send()
    return client


def test_data_is_handed_on_before_its_frame_is_whole():
    server = SpdyServer()
    client = opened(server, 1)
    frame = client.data(1, b"x" * 1000, fin=True)
    assert server.receive(frame[:508]) == [StreamData(1, b"x" * 500)]
    assert server.receive(frame[508:]) == [StreamData(1, b"x" * 500), StreamEnded(1)]


def test_streams_beyond_the_limit_are_refused_until_others_are_closed():
    server = SpdyServer(max_streams=2)
    client = opened(server, 1, 3)
    assert server.receive(client.syn_stream(5, {})) == []
    assert received(server.data_to_send()) == [ResetFrame(5)]
    server.receive(client.reset(1, CANCEL))
    assert server.receive(client.syn_stream(7, {})) == [StreamOpened(7, {})]


def test_a_stream_is_forgotten_once_both_sides_have_ended_it():
    server = SpdyServer()
    client = opened(server, 1)
    server.send(1, b"answer", fin=True)
    assert server.open_streams == 1
    assert server.receive(client.data(1, b"more", fin=True)) == [StreamData(1, b"more"), StreamEnded(1)]
    assert server.open_streams == 0
    assert received(server.data_to_send()) == [Data(1, b"answer", fin=True)]


def test_nothing_is_sent_on_a_stream_that_was_ended_reset_or_never_there():
    server = SpdyServer()
    client = opened(server, 1, 3)
    server.send(1, b"", fin=True)
    server.receive(client.reset(3, CANCEL))
    server.data_to_send()
    for stream in (1, 3, 5):
        server.send(stream, b"lost")
    server.reset(3)
    assert server.data_to_send() == b""


def test_data_for_a_stream_that_we_gave_up_is_dropped():
    server = SpdyServer()
    client = opened(server, 1)
    server.reset(1)
    assert received(server.data_to_send()) == [ResetFrame(1)]
    assert server.receive(client.data(1, b"late", fin=True)) == []


@pytest.mark.parametrize("stream", [0, 2, 1, 3], ids=["zero", "a server's", "used", "older than the newest"])
def test_stream_numbers_must_be_odd_and_grow(stream):
    server = SpdyServer()
    client = opened(server, 1, 5)
    assert server.receive(client.syn_stream(stream, {})) == []
    assert received(server.data_to_send()) == [ResetFrame(stream)]


def test_a_stream_may_be_opened_and_ended_at_once():
    packed_headers = FrameWriter()._headers({"streamtype": "stdin"})
    opening = control(SYN_STREAM, struct.pack(">IIBB", 1, 0, 0, 0) + packed_headers, flags=1)
    assert SpdyServer().receive(opening) == [StreamOpened(1, {"streamtype": "stdin"}), StreamEnded(1)]


def test_pings_of_the_client_are_answered_and_answers_are_not():
    server = SpdyServer()
    server.receive(FrameWriter().ping(3) + FrameWriter().ping(2))
    assert received(server.data_to_send()) == [Ping(3)]


def test_an_opened_stream_is_replied_to():
    server = SpdyServer()
    server.receive(FrameWriter().syn_stream(1, {}))
    assert received(server.data_to_send()) == [IgnoredFrame(SYN_REPLY)]
