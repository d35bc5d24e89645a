"""The application over ASGI: files for everybody, views for sessions, and headers that keep scripts out."""

import asyncio
import json

import pytest

from fairlead.drivers.ui.application import MOST_BODY, Application
from fairlead.drivers.ui.exchange import event, json_reply
from fairlead.drivers.ui.gate import PageGate

GATE = PageGate(b"k" * 32, 7474)
COOKIE = GATE.opens(GATE.token).partition(";")[0]
SEEN = {"host": "127.0.0.1:7474", "cookie": COOKIE}
OWN = {**SEEN, "origin": "http://127.0.0.1:7474"}


async def shown(request):
    return json_reply({"asked": dict(request.query), "told": request.body})


async def broken(request):
    raise RuntimeError("secret of the inside")


async def streamed(request):
    async def events():
        yield event("first", {"line\nbreak": "</script>"})
        yield event("second", 2)

    return events()


APPLICATION = Application(
    GATE,
    {
        ("GET", "/api/shown"): shown,
        ("POST", "/api/shown"): shown,
        ("GET", "/api/broken"): broken,
        ("GET", "/api/streamed"): streamed,
    },
)


def asked(path, headers=SEEN, method="GET", body=b"", query=""):
    """Status, headers and body of an answer."""
    sent, told = [], [body]

    async def receive():
        if not told:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": told.pop(), "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(),
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }  # fmt: skip
    asyncio.run(APPLICATION(scope, receive, send))
    found = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(m.get("body", b"") for m in sent[1:])


@pytest.mark.io
@pytest.mark.parametrize("path", ["/", "/index.html", "/app.css", "/js/main.js", "/words/en.json", "/icon.svg"])
def test_the_page_itself_needs_no_session(path):
    status, headers, body = asked(path, {"host": "127.0.0.1:7474"})
    assert (status, bool(body)) == (200, True)
    assert "script-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.io
@pytest.mark.parametrize(
    "path", ["/js", "/../pyproject.toml", "/js/../../gate.py", "/%2e%2e/gate.py", "/api", "/api/none"]
)
def test_other_paths_are_not_files(path):
    assert asked(path)[0] == 404


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        ("/api/shown", "GET", SEEN, 200),
        ("/api/shown", "GET", {"host": "127.0.0.1:7474"}, 401),
        ("/api/shown", "GET", {**SEEN, "host": "evil.example:7474"}, 421),
        ("/api/shown", "GET", {**SEEN, "origin": "http://evil.example"}, 403),
        ("/api/shown", "GET", {**SEEN, "sec-fetch-site": "cross-site"}, 403),
        ("/api/shown", "POST", SEEN, 403),
        ("/api/shown", "POST", OWN, 200),
        ("/api/streamed", "GET", {"host": "127.0.0.1:7474"}, 401),
        ("/session", "POST", {"host": "127.0.0.1:7474"}, 403),
        ("/session", "POST", {"host": "evil.example", "origin": "http://evil.example"}, 421),
    ],
)
def test_which_clients_are_answered(path, method, headers, status):
    found, _, body = asked(path, headers, method, b"{}")
    assert found == status
    assert status == 200 or json.loads(body)["error"]


def test_only_the_token_begins_a_session():
    own = {"host": "127.0.0.1:7474", "origin": "http://127.0.0.1:7474"}
    assert asked("/session", own, "POST", b'{"token": "x"}')[0] == 401
    assert asked("/session", own, "POST", b"[]")[0] == 401
    assert asked("/session", own, "POST", b"not JSON")[0] == 401
    status, headers, _ = asked("/session", own, "POST", json.dumps({"token": GATE.token}).encode())
    assert status == 200
    assert headers["set-cookie"].startswith(COOKIE)


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff", b'{"a": "' + b"x" * MOST_BODY + b'"}'])
def test_a_body_that_is_no_object_is_refused(body):
    assert asked("/api/shown", OWN, "POST", body)[0] == 400


def test_queries_are_decoded():
    assert json.loads(asked("/api/shown", query="a=%3Cb%3E&c=&d=1&d=2")[2])["asked"] == {"a": "<b>", "c": "", "d": "2"}


def test_a_failed_view_discloses_no_internals():
    status, _, body = asked("/api/broken")
    assert status == 500
    assert b"secret" not in body


def test_events_are_one_line_each():
    _, headers, body = asked("/api/streamed")
    assert headers["content-type"] == "text/event-stream"
    assert body == b'event: first\ndata: {"line\\nbreak":"</script>"}\n\nevent: second\ndata: 2\n\n'
