"""Heads of requests to a node: what is understood, and what is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.streaming.errors import BadRequest
from fairlead.streaming.upgrade import chunk, parse_request, plain_answer, switch_to_spdy


def head(line, *headers):
    return "\r\n".join([line, *headers, "", ""]).encode("latin-1")


def test_a_request_is_taken_apart():
    request = parse_request(
        head("POST /exec/a%2Fb/c/d?command=x&command=%20&input=1 HTTP/1.1", "Host: n", "X-A: 1", "x-a:2 ")
    )
    assert (request.method, request.path) == ("POST", ("exec", "a/b", "c", "d"))
    assert request.query == {"command": ["x", " "], "input": ["1"]}
    assert request.headers == {"host": "n", "x-a": "1,2"}


def test_upgrades():
    spdy = parse_request(head("GET / HTTP/1.1", "Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: a,b"))
    assert (spdy.wants_spdy, spdy.wants_websocket) == (True, False)
    assert parse_request(head("GET / HTTP/1.1", "Upgrade: WebSocket")).wants_websocket
    assert b"X-Stream-Protocol-Version: b\r\n\r\n" in switch_to_spdy(spdy, "b")
    with pytest.raises(BadRequest):
        switch_to_spdy(spdy, "c")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        head("GET /"),
        head("GET / HTTP/1.0"),
        head("GET x HTTP/1.1"),
        head("GET  / HTTP/1.1"),
        head("GET /%ff HTTP/1.1"),
        head("GET /?a=%ff HTTP/1.1"),
        head("GET / HTTP/1.1", "no colon"),
        head("GET / HTTP/1.1", " folded: x"),
        head("GET / HTTP/1.1", "name : x"),
        head("GET /?" + "&".join("a=1" for _ in range(10_001)) + " HTTP/1.1"),
    ],
)
def test_what_is_refused(data):
    with pytest.raises(BadRequest):
        parse_request(data)


@given(st.binary(max_size=80))
def test_junk_is_at_worst_a_bad_request(data):
    with suppress(BadRequest):
        assert parse_request(data).method


def test_answers():
    assert plain_answer(404, "no").endswith(b"Content-Length: 2\r\nConnection: close\r\n\r\nno")
    assert (chunk(b"x" * 16), chunk(b"")) == (b"10\r\n" + b"x" * 16 + b"\r\n", b"")
