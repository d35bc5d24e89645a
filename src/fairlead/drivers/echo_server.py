"""The image ``fairlead/echo``: an HTTP server that tells who it is and who asked, and echoes datagrams.

``GET /hostname`` gives the Pod's name alone, ``GET /healthz`` is ``ok``, every other path tells everything. Listens on
``$PORT`` (80 if unset), TCP and UDP; HTTP/1.1 just well enough for clients of every kind, with keep-alive.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import NamedTuple


class Identity(NamedTuple):
    """Who answers."""

    pod: str
    namespace: str
    node: str
    address: str


def serve_echo(arguments: Sequence[str]) -> None:
    """Serve for ever; the identity comes from the environment that the node agent gives to built-in images."""
    identity = Identity(*(os.environ.get(name, "") for name in ("POD_NAME", "POD_NAMESPACE", "NODE_NAME", "POD_IP")))
    asyncio.run(_serve(identity, int(os.environ.get("PORT", "80"))))


ANYWHERE = "0.0.0.0"  # noqa: S104 - an image is there to be reached


async def _serve(identity: Identity, port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: _Datagrams(identity), local_addr=(ANYWHERE, port))
    server = await asyncio.start_server(
        lambda reader, writer: _converse(identity, reader, writer), ANYWHERE, port, family=socket.AF_INET
    )
    await server.serve_forever()


async def _converse(identity: Identity, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            request, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            await reader.readexactly(int(headers.get("content-length", "0")))
            writer.write(respond(identity, request, headers, writer.get_extra_info("peername")[:2]))
            await writer.drain()
            if headers.get("connection", "").lower() == "close" or request.endswith("HTTP/1.0"):
                return
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
        return  # the client has gone, or does not speak HTTP
    finally:
        writer.close()


def respond(identity: Identity, request: str, headers: dict[str, str], client: tuple[str, int]) -> bytes:
    """The response to a request line such as ``GET /hostname HTTP/1.1``."""
    path = request.split(" ")[1].partition("?")[0] if request.count(" ") == 2 else "/"
    bodies = {"/hostname": identity.pod, "/healthz": "ok"}
    body = bodies.get(path) or describe(identity, request, headers.get("host", ""), client)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body.encode())}\r\n\r\n"
    return (head + body).encode()


def describe(identity: Identity, request: str, host: str, client: tuple[str, int]) -> str:
    """Everything that the server knows of itself and of the request."""
    return (
        f"pod: {identity.pod}\nnamespace: {identity.namespace}\nnode: {identity.node}\naddress: {identity.address}\n"
        f"client: {client[0]}:{client[1]}\nhost: {host}\nrequest: {request}\n"
    )


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert isinstance(self._transport, asyncio.DatagramTransport)
        head = f"{self._identity.pod} {addr[0]}:{addr[1]} ".encode()
        self._transport.sendto(head + data, addr)
