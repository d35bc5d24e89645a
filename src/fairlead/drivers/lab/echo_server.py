"""The image ``fairlead/echo``: tells who it is and who asked, over HTTP, TCP and UDP.

``GET /hostname`` gives the Pod's name alone, ``GET /healthz`` is ``ok``, every other path tells everything; HTTP/1.1
just well enough for clients of any kind, with keep-alive. A line over TCP that is no HTTP request, and every datagram,
comes back behind the Pod's name and the client's address. Listens on ``$PORT`` (80 if unset). With ``$DRAIN_SECONDS``
set, SIGTERM ends it only after that time, in which it goes on to serve, while every response asks the client to close
the connection.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast


class EchoIdentity(NamedTuple):
    """The name that answers contain."""

    pod: str
    namespace: str
    node: str
    address: str


class EchoClient(NamedTuple):
    """The client."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - it is there to be reached


def serve_echo(
    arguments: Sequence[str],
    addresses: Sequence[str] = ANYWHERE,
    bound: Callable[[int], int] = lambda port: port,
) -> None:
    """Serve until SIGTERM; the identity comes from the environment that the node agent gives to built-in images.

    Args:
        addresses: where to listen; IPv6 may be turned off.
        bound: the port that stands for a port on this machine.
    """
    identity = EchoIdentity(
        *(os.environ.get(name, "") for name in ("POD_NAME", "POD_NAMESPACE", "NODE_NAME", "POD_IP"))
    )
    drain = float(os.environ.get("DRAIN_SECONDS", "0"))
    port = bound(int(os.environ.get("PORT", "80")))
    asyncio.run(_Echo(identity).serve([(address, port) for address in addresses], drain))


@dataclass
class _Echo:
    identity: EchoIdentity
    draining: bool = False

    async def serve(self, places: Sequence[tuple[str, int]], drain: float) -> None:
        loop, ending = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, ending.set)
        for listener in _sockets(places, socket.SOCK_STREAM):
            await asyncio.start_server(self._converse, sock=listener)
        for receiver in _sockets(places, socket.SOCK_DGRAM):
            await loop.create_datagram_endpoint(lambda: _Datagrams(self.identity), sock=receiver)
        await ending.wait()
        self.draining = True
        await asyncio.sleep(drain)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = EchoClient(*writer.get_extra_info("peername")[:2])
        try:
            while line := await reader.readline():
                if not is_http(line):
                    writer.write(greet(self.identity, client) + line)
                elif not await self._respond(line.decode("latin-1").rstrip(), client, reader, writer):
                    return
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            return  # the client has gone, or speaks neither HTTP nor lines
        finally:
            writer.close()

    async def _respond(
        self, request: str, client: EchoClient, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; whether another one may follow on this connection."""
        headers = await _headers(reader)
        await reader.readexactly(int(headers.get("content-length", "0")))
        last = self.draining or headers.get("connection", "").lower() == "close" or request.endswith("HTTP/1.0")
        writer.write(respond(self.identity, EchoRequest(request, headers.get("host", ""), client), last=last))
        return not last


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers = {}
    while line := (await reader.readline()).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return headers


def _sockets(places: Sequence[tuple[str, int]], kind: socket.SocketKind) -> list[socket.socket]:
    """One for each place whose family of addresses there is."""
    sockets = []
    for address, port in places:
        is_ipv6 = ":" in address
        with contextlib.suppress(*((OSError,) if is_ipv6 else ())):
            made = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, kind)
            sockets.append(_bound(made, address, port))
    return sockets


def _bound(made: socket.socket, address: str, port: int) -> socket.socket:
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, made.type == socket.SOCK_STREAM)
    if made.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind((address, port))
    made.setblocking(False)
    return made


def is_http(line: bytes) -> bool:
    """Whether this is the first line of a request of HTTP/1."""
    return line.count(b" ") == 2 and line.rstrip()[:-1].endswith(b" HTTP/1.")


def greet(identity: EchoIdentity, client: EchoClient) -> bytes:
    """What precedes a line or datagram that comes back."""
    return f"{identity.pod} {client} ".encode()


class EchoRequest(NamedTuple):
    """A request line such as ``GET /hostname HTTP/1.1``, the header Host, and the client."""

    line: str
    host: str
    client: EchoClient


def respond(identity: EchoIdentity, request: EchoRequest, *, last: bool = False) -> bytes:
    """The response; ``last`` announces that the connection will be closed."""
    path = request.line.split(" ")[1].partition("?")[0]
    bodies = {"/hostname": identity.pod, "/healthz": "ok"}
    body = bodies.get(path) or describe(identity, request)
    closing = "Connection: close\r\n" if last else ""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body.encode())}\r\n{closing}\r\n"
    return (head + body).encode()


def describe(identity: EchoIdentity, request: EchoRequest) -> str:
    """Everything that the server knows of itself and of the request."""
    return (
        f"pod: {identity.pod}\nnamespace: {identity.namespace}\nnode: {identity.node}\naddress: {identity.address}\n"
        f"client: {request.client}\nhost: {request.host}\nrequest: {request.line}\n"
    )


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, identity: EchoIdentity) -> None:
        self._identity = identity

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(greet(self._identity, EchoClient(*addr[:2])) + data, addr)
