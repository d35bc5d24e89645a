"""The API server as a proxy: which headers and data it passes on, and that a slow side costs no memory."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress

import pytest

from fairlead.drivers.apiserver.http_server import serve
from fairlead.drivers.apiserver.outgoing_tls import OutgoingTls
from fairlead.drivers.apiserver.tunnel import TunnelClient, UpstreamTunnel
from fairlead.registry.backend import BackendServer
from fairlead.registry.status import ApiError
from tests.support.tcp_buffers import HELD_BY_CONNECTION

MEBIBYTE = 1 << 20
# What two connections hold on the way, and the buffers of transports.
IN_FLIGHT = 2 * HELD_BY_CONNECTION + 2 * MEBIBYTE
SETTLE = 0.3
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"


class Backend:
    """A server that does what the test says with each connection."""

    def __init__(self):
        self.head = b""
        self.reader = self.writer = None
        self.connected = asyncio.Event()

    async def accept(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.head = await reader.readuntil(b"\r\n\r\n")
        self.connected.set()


class World:
    def __init__(self, backend, port):
        self.backend, self.port = backend, port

    async def ask(self, line, *headers, body=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=MEBIBYTE)
        writer.write("\r\n".join([f"{line} HTTP/1.1", "Host: api", *headers, "", ""]).encode() + body)
        await self.backend.connected.wait()
        return reader, writer

    async def upgrade(self):
        """A joined connection: the client's ends, and the backend's."""
        reader, writer = await self.ask("GET /x", "Connection: Upgrade", "Upgrade: x")
        self.backend.writer.write(SWITCHED)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        return reader, writer


@asynccontextmanager
async def world_of(pki):
    backend = Backend()
    server = await asyncio.start_server(backend.accept, "127.0.0.1", 0, limit=65536)
    upstream = BackendServer("http", "127.0.0.1", server.sockets[0].getsockname()[1], "/there?x=1")
    tunnel = UpstreamTunnel(OutgoingTls(pki))

    async def application(scope, receive, send):
        body = (await receive())["body"]
        client = TunnelClient(scope["method"], scope["headers"], body, receive, send, scope.get("take_over"))
        try:
            await tunnel.serve(upstream, client)
        except ApiError as error:
            await send({"type": "http.response.start", "status": error.code, "headers": []})
            await send({"type": "http.response.body", "body": str(error).encode()})

    listener = socket.create_server(("127.0.0.1", 0))
    ready = asyncio.Event()
    serving = asyncio.create_task(serve(application, [listener], None, ready.set, lambda: None))
    await ready.wait()
    try:
        yield World(backend, listener.getsockname()[1])
    finally:
        if backend.writer:
            backend.writer.transport.abort()
        server.close()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


@pytest.fixture
def run(tmp_path):
    def run_(test):
        async def main():
            async with asyncio.timeout(60), world_of(tmp_path) as world:
                await test(world)

        asyncio.run(main())

    return run_


async def sent_until_held_up(writer):
    sent = 0
    with suppress(TimeoutError):
        while sent < 2 * IN_FLIGHT:
            writer.write(bytes(65536))
            async with asyncio.timeout(SETTLE):
                await writer.drain()
            sent += 65536
    return sent


class TestRequests:
    def test_which_headers_are_passed_on(self, run):
        async def test(world):
            headers = ["Authorization: Bearer secret", "Connection: X-Hop", "X-Hop: 1", "X-End: 2", "Content-Length: 4"]
            reader, writer = await world.ask("POST /x", *headers, body=b"body")
            head = world.backend.head.decode()
            assert head.startswith("POST /there?x=1 HTTP/1.1\r\nhost: 127.0.0.1:")
            assert "x-end: 2\r\n" in head
            assert "content-length: 4\r\n" in head
            assert "secret" not in head
            assert "x-hop" not in head
            assert await world.backend.reader.readexactly(4) == b"body"
            world.backend.writer.write(b"HTTP/1.1 418 Teapot\r\nX-A: b\r\nConnection: close\r\n\r\nshort")
            world.backend.writer.close()
            answer = await reader.readuntil(b"short")
            assert answer.startswith(b"HTTP/1.1 418 ")
            assert b"x-a: b\r\n" in answer
            writer.close()

        run(test)

    def test_an_answer_comes_piece_by_piece(self, run):
        async def test(world):
            reader, writer = await world.ask("GET /x")
            world.backend.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
            assert await reader.readuntil(b"one")
            world.backend.writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
            assert await reader.readuntil(b"0\r\n\r\n")
            writer.close()

        run(test)

    @pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nno end"])
    def test_no_answer(self, run, answer):
        async def test(world):
            reader, writer = await world.ask("GET /x")
            world.backend.writer.write(answer)
            world.backend.writer.close()
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 502 ")
            writer.close()

        run(test)

    def test_a_client_that_leaves_is_not_answered_any_more(self, run):
        async def test(world):
            _, writer = await world.ask("GET /x")
            world.backend.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            writer.close()
            assert await world.backend.reader.read() == b""

        run(test)

    def test_an_answer_waits_for_its_reader(self, run):
        async def test(world):
            _, writer = await world.ask("GET /x")
            world.backend.writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            assert await sent_until_held_up(world.backend.writer) < IN_FLIGHT
            writer.transport.abort()

        run(test)


class TestUpgrades:
    def test_bytes_both_ways_until_either_side_ends(self, run):
        async def test(world):
            reader, writer = await world.upgrade()
            assert b"connection: Upgrade\r\nupgrade: x\r\n" in world.backend.head
            writer.write(b"to")
            assert await world.backend.reader.readexactly(2) == b"to"
            world.backend.writer.write(b"fro")
            world.backend.writer.close()
            assert await reader.read() == b"fro"
            writer.close()

        run(test)

    def test_a_client_that_leaves_ends_the_other_side(self, run):
        async def test(world):
            _, writer = await world.upgrade()
            writer.close()
            assert await world.backend.reader.read() == b""

        run(test)

    def test_a_refusal_is_an_answer_after_which_the_connection_ends(self, run):
        async def test(world):
            reader, writer = await world.ask("GET /x", "Connection: Upgrade", "Upgrade: x")
            world.backend.writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 403 ")
            assert answer.endswith(b"no")
            writer.close()

        run(test)

    def test_data_sent_with_an_upgrade_is_not_lost(self, run):
        async def test(world):
            reader, writer = await world.ask("GET /x", "Connection: Upgrade", "Upgrade: x", body=b"early")
            world.backend.writer.write(SWITCHED)
            await reader.readuntil(b"\r\n\r\n")
            assert await world.backend.reader.readexactly(5) == b"early"
            writer.close()

        run(test)

    def test_each_side_of_an_upgrade_waits_for_the_other(self, run):
        async def test(world):
            _, writer = await world.upgrade()
            assert await sent_until_held_up(writer) < IN_FLIGHT
            assert await sent_until_held_up(world.backend.writer) < IN_FLIGHT
            writer.transport.abort()

        run(test)
