"""What the image fairlead/echo answers."""

import pytest

from fairlead.drivers.echo_server import Identity, respond

WEB = Identity("web-0", "shop", "node-1", "10.244.1.7")
CLIENT = ("10.244.2.3", 40000)


@pytest.mark.parametrize(
    ("request_line", "body"),
    [
        ("GET /hostname HTTP/1.1", "web-0"),
        ("GET /hostname?x=1 HTTP/1.1", "web-0"),
        ("GET /healthz HTTP/1.0", "ok"),
    ],
)
def test_short_answers(request_line, body):
    head, _, found = respond(WEB, request_line, {}, CLIENT).decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body)}" in head
    assert found == body


@pytest.mark.parametrize("request_line", ["GET / HTTP/1.1", "POST /any HTTP/1.1", "nonsense"])
def test_everything_else_tells_everything(request_line):
    body = respond(WEB, request_line, {"host": "web"}, CLIENT).decode().partition("\r\n\r\n")[2]
    assert body.splitlines() == [
        "pod: web-0",
        "namespace: shop",
        "node: node-1",
        "address: 10.244.1.7",
        "client: 10.244.2.3:40000",
        "host: web",
        f"request: {request_line}",
    ]
