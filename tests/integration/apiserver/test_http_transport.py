"""The connections below the API client: answers in every form and in any pieces, and reuse."""

import asyncio
from contextlib import asynccontextmanager

import httpx2
import pytest

from fairlead.drivers.kube import http_transport
from fairlead.drivers.kube.http_connection import HIGH_WATER
from fairlead.drivers.kube.http_transport import Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANSWERS = [
    pytest.param(OK, 200, b"ok", True, id="with a length"),
    pytest.param(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 201, b"", True, id="without a body"),
    pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True, id="that cannot have a body"),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        200,
        b"abcde",
        True,
        id="in chunks",
    ),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok", True, id="after a first word"),
    pytest.param(
        b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
        404,
        b"x",
        False,
        id="and the last",
    ),
]


class Server:
    """Answers every request on every connection with the same octets, in pieces of ``size``."""

    def __init__(self, answer, size, then_close=False):
        self.answer, self.size, self.then_close = answer, size, then_close
        self.connections, self.requests, self.writers = 0, [], []

    async def accept(self, reader, writer):
        self.connections += 1
        self.writers.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                self.requests.append(head + await reader.readexactly(length))
                for start in range(0, len(self.answer), self.size):
                    writer.write(self.answer[start : start + self.size])
                    await writer.drain()
                    await asyncio.sleep(0)
                if self.then_close:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def client_of(server, silence=60.0):
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    url, timeout = f"http://127.0.0.1:{port}", httpx2.Timeout(60.0, read=silence)
    async with listening, httpx2.AsyncClient(base_url=url, timeout=timeout, transport=Transport()) as client:
        yield client
        for writer in server.writers:
            writer.close()


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(("answer", "status", "body", "is_kept"), ANSWERS)
def test_answers_in_any_pieces(answer, status, body, is_kept, size):
    async def scenario():
        server = Server(answer, size)
        async with client_of(server) as client:
            for _ in range(2):
                response = await client.post("/a b?c=d e", content=b"body")
                assert (response.status_code, response.content) == (status, body)
        assert server.connections == (1 if is_kept else 2)
        head, _, sent = server.requests[0].partition(b"\r\n\r\n")
        assert (head.splitlines()[0], sent) == (b"POST /a%20b?c=d%20e HTTP/1.1", b"body")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(b"", httpx2.ReadError, id="none"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", httpx2.ReadError, id="cut short"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", httpx2.RemoteProtocolError, id="of another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end", id="that ends with its connection"),
    ],
)
def test_a_connection_that_ends(answer, expected):
    async def scenario():
        async with client_of(Server(answer, 10_000, then_close=True)) as client:
            if isinstance(expected, bytes):
                assert (await client.get("/")).content == expected
            else:
                with pytest.raises(expected):
                    await client.get("/")

    asyncio.run(scenario())


def test_an_idle_connection_closed_by_the_server_is_not_reused():
    async def scenario():
        server = Server(OK, 10_000)
        async with client_of(server) as client:
            await client.get("/")
            server.writers[0].close()
            await asyncio.sleep(0.05)
            assert (await client.get("/")).content == b"ok"
        assert server.connections == 2

    asyncio.run(scenario())


def test_side_by_side_each_has_its_own_and_a_few_are_kept():
    async def scenario():
        server = Server(OK, 10_000)
        async with client_of(server) as client:
            for _ in range(2):
                await asyncio.gather(*(client.get("/") for _ in range(http_transport.MAX_IDLE + 3)))
        assert server.connections == http_transport.MAX_IDLE + 3 + 3

    asyncio.run(scenario())


def test_silence_and_a_port_without_a_server():
    async def scenario():
        async with client_of(Server(b"HTTP/1.1 200 OK\r\n", 10_000), silence=0.1) as client:
            with pytest.raises(httpx2.ReadTimeout):
                await client.get("/")
            with pytest.raises(httpx2.ConnectError):
                await client.get("http://127.0.0.1:1/")

    asyncio.run(scenario())


def test_a_body_waits_for_its_reader():
    """A reader that is slow costs what it has not read yet, not what the server has to say."""
    size = 64 << 20

    async def scenario():
        server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size), 1 << 20)
        async with client_of(server) as client, client.stream("GET", "/") as response:
            pieces = response.aiter_raw()
            first = len(await anext(pieces))
            await asyncio.sleep(0.2)
            second = len(await anext(pieces))
            assert first + second < 4 * HIGH_WATER
            assert first + second + sum([len(piece) async for piece in pieces]) == size

    asyncio.run(scenario())


def test_a_connection_of_an_abandoned_request_is_closed():
    async def scenario():
        server = Server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", 10_000)
        async with client_of(server) as client:
            for _ in range(2):
                async with client.stream("GET", "/") as response:
                    assert await anext(response.aiter_raw()) == b"x"
        assert server.connections == 2

    asyncio.run(scenario())
