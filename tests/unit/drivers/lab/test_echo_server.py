"""Answers of the image fairlead/echo."""

import pytest

from fairlead.drivers.lab.echo_server import EchoClient, EchoIdentity, EchoRequest, greet, is_http, respond

WEB = EchoIdentity("web-0", "shop", "node-1", "10.244.1.7")
CLIENT = EchoClient("10.244.2.3", 40000)


@pytest.mark.parametrize(
    ("request_line", "body"),
    [
        ("GET /hostname HTTP/1.1", "web-0"),
        ("GET /hostname?x=1 HTTP/1.1", "web-0"),
        ("GET /healthz HTTP/1.0", "ok"),
    ],
)
def test_short_answers(request_line, body):
    head, _, found = respond(WEB, EchoRequest(request_line, "", CLIENT)).decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body)}" in head
    assert found == body


@pytest.mark.parametrize("request_line", ["GET / HTTP/1.1", "POST /any HTTP/1.1"])
def test_any_other_path_describes_the_request(request_line):
    body = respond(WEB, EchoRequest(request_line, "web", CLIENT)).decode().partition("\r\n\r\n")[2]
    assert body.splitlines() == [
        "pod: web-0",
        "namespace: shop",
        "node: node-1",
        "address: 10.244.1.7",
        "client: 10.244.2.3:40000",
        "host: web",
        f"request: {request_line}",
    ]


def test_the_last_response_says_so():
    request = EchoRequest("GET /healthz HTTP/1.1", "", CLIENT)
    assert b"Connection: close\r\n" in respond(WEB, request, last=True)
    assert b"Connection" not in respond(WEB, request)


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (b"GET / HTTP/1.1\r\n", True),
        (b"HEAD /x HTTP/1.0\n", True),
        (b"hello\n", False),
        (b"GET /\r\n", False),
        (b"PRI * HTTP/2.0\r\n", False),
        (b"", False),
    ],
)
def test_http_is_distinguished_from_lines(line, verdict):
    assert is_http(line) == verdict


@pytest.mark.parametrize(
    ("client", "text"),
    [(CLIENT, b"web-0 10.244.2.3:40000 "), (EchoClient("fd00::7", 53), b"web-0 [fd00::7]:53 ")],
)
def test_the_echo_reports_server_and_client(client, text):
    assert greet(WEB, client) == text
