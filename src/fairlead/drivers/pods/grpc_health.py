"""One call of the gRPC health checking protocol (``grpc.health.v1.Health/Check``), over HTTP/2 without TLS.

gRPC's PROTOCOL-HTTP2.md: a message is a byte that says whether it is compressed, four octets of length, and a protobuf.
The request holds the service's name in field 1, the response a status in field 1. ``h2`` does the rest; a gRPC library
would be a hundred times as large as this one call.
"""

import asyncio
import struct

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from fairlead.model.socket_address import SocketAddress

SERVING = 1
_STATUS_NAMES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_OK = "0"
_FIELD_1_TEXT, _FIELD_1_NUMBER = 0x0A, 0x08  # protobuf tags


class HealthError(Exception):
    """The server does not say that the service is healthy; the message says what it does say."""


async def check_health(host: str, port: int, service: str) -> None:
    """Return when the server says that the service is serving.

    Raises:
        HealthError: it says otherwise, or does not speak the protocol. OSError: it cannot be reached.
    """
    reader, writer = await asyncio.open_connection(host, port)
    try:
        body = await _call(reader, writer, str(SocketAddress(host, port)), _frame(_message(service)))
    finally:
        writer.close()
    status = body[6] if body[5:6] == bytes([_FIELD_1_NUMBER]) else 0
    if status != SERVING:
        raise HealthError(f'service unhealthy (responded with "{_STATUS_NAMES.get(status, status)}")')


def _message(service: str) -> bytes:
    name = service.encode()
    return bytes([_FIELD_1_TEXT]) + _varint(len(name)) + name if name else b""


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _frame(message: bytes) -> bytes:
    return struct.pack(">BI", 0, len(message)) + message


async def _call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, request: bytes) -> bytes:
    """The body of the response to a unary call."""
    connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    connection.initiate_connection()
    stream = connection.get_next_available_stream_id()
    connection.send_headers(stream, _headers(authority))
    connection.send_data(stream, request, end_stream=True)
    body = b""
    headers: dict[str, str] = {}
    while True:
        writer.write(connection.data_to_send())
        data = await reader.read(65536)
        if not data:
            raise HealthError("the server closed the connection: it does not speak gRPC")
        for event in _events(connection, data):
            match event:
                case h2.events.DataReceived():
                    body += event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, stream)
                case h2.events.ResponseReceived() | h2.events.TrailersReceived():
                    headers |= {str(name): str(value) for name, value in event.headers}
                case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                    raise HealthError("the server ended the call")
                case h2.events.StreamEnded():
                    return _checked(body, headers)


def _headers(authority: str) -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", authority),
        (":path", "/grpc.health.v1.Health/Check"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "kube-probe/fairlead"),
    ]


def _events(connection: h2.connection.H2Connection, data: bytes) -> list[h2.events.Event]:
    try:
        return connection.receive_data(data)
    except h2.exceptions.ProtocolError as error:
        raise HealthError(f"the server does not speak HTTP/2: {error}") from error


def _checked(body: bytes, headers: dict[str, str]) -> bytes:
    code = headers.get("grpc-status", "")
    if code != _OK:
        raise HealthError(f"rpc error: code = {code or 'none'} desc = {headers.get('grpc-message', '')}")
    return body
