"""Requests of the kubelet's HTTP API, and how a connection is turned over to SPDY.

Reads the head of a request; the requests of this API have no body. Refuses what is not HTTP/1.1 or cannot be decoded.
Source: RFC 9112; ``staging/src/k8s.io/apimachinery/pkg/util/httpstream`` (X-Stream-Protocol-Version).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

from fairlead.streaming.errors import BadRequest

_PROTOCOL_HEADER = "x-stream-protocol-version"
MAX_PARAMETERS = 10_000  # a command may have many arguments


@dataclass(frozen=True)
class HttpRequest:
    """A request without a body.

    Attributes:
        path: its segments, unquoted.
        headers: by name in lower case; several of a name joined by commas.
        head: as received, with the empty line at the end.
    """

    method: str
    path: tuple[str, ...]
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    head: bytes

    @property
    def wants_spdy(self) -> bool:
        return self.headers.get("upgrade", "").lower() == "spdy/3.1"

    @property
    def wants_websocket(self) -> bool:
        return self.headers.get("upgrade", "").lower() == "websocket"

    @property
    def stream_protocols(self) -> set[str]:
        return {name.strip() for name in self.headers.get(_PROTOCOL_HEADER, "").split(",")}


def parse_request(head: bytes) -> HttpRequest:
    """The request whose head this is.

    Raises:
        BadRequest: it cannot be understood.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[0].isalpha() or not parts[1].startswith("/") or parts[2] != "HTTP/1.1":
        raise BadRequest(f"not a request of HTTP/1.1: {first[:200]!r}")
    path, _, query = parts[1].partition("?")
    try:
        fields = parse_qs(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict")
        segments = tuple(unquote(segment, errors="strict") for segment in path.strip("/").split("/"))
    except ValueError as error:
        raise BadRequest(f"the URL cannot be decoded: {error}") from error
    return HttpRequest(parts[0], segments, fields, _headers(lines), head)


def _headers(lines: Sequence[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in filter(None, lines):
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(f"not a header: {line[:200]!r}")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def switch_to_spdy(request: HttpRequest, protocol: str) -> bytes:
    """The answer after which the connection speaks SPDY.

    Raises:
        BadRequest: the client does not speak this protocol over it.
    """
    if protocol not in request.stream_protocols:
        raise BadRequest(f"unable to negotiate protocol: the server speaks {protocol}")
    return (
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        f"X-Stream-Protocol-Version: {protocol}\r\n\r\n"
    ).encode()


def plain_answer(code: int, text: str) -> bytes:
    """A whole answer of plain text, after which the connection is closed."""
    body = text.encode()
    return (
        f"HTTP/1.1 {code} {HTTPStatus(code).phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + body


CHUNKED_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)
LAST_CHUNK = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Data as a chunk of a chunked answer; nothing for none, since an empty chunk is the last."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
