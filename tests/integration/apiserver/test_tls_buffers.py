"""The memory of a TLS connection: there are many watches with little traffic."""

import asyncio
import ssl
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from random import Random

from fairlead.drivers.apiserver.http_server import server_tls
from fairlead.drivers.identity.pki import ensure_pki
from fairlead.drivers.tls_buffers import keep_tls_buffers_small

CONNECTIONS = 20
BOTH_ENDS = 2
A_CONNECTION = 16 << 10  # octets: socket, transport, session; less than a buffer, which it has no own one of


def test_connections_keep_little(tmp_path):
    ensure_pki(tmp_path, ["127.0.0.1"])
    trust = ssl.create_default_context(cafile=tmp_path / "ca.crt")
    keep_tls_buffers_small()

    async def connect(port, stack):
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
        stack.callback(writer.close)

    async def scenario():
        async with AsyncExitStack() as stack:

            def accept(_, writer):
                stack.callback(writer.close)

            server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=server_tls(tmp_path).current())
            await stack.enter_async_context(server)
            port = server.sockets[0].getsockname()[1]
            await connect(port, stack)  # what the first one alone needs
            tracemalloc.start()
            for _ in range(CONNECTIONS):
                await connect(port, stack)
            kept, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return kept

    assert asyncio.run(scenario()) < CONNECTIONS * BOTH_ENDS * A_CONNECTION


def test_what_connections_read_is_their_own(tmp_path):
    """Connections of one thread share a buffer; those of different threads read at the same time."""
    ensure_pki(tmp_path, ["127.0.0.1"])
    trust = ssl.create_default_context(cafile=tmp_path / "ca.crt")
    keep_tls_buffers_small()

    async def send_back(reader, writer):
        while piece := await reader.read(100_000):
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def exchange(port, octets):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
        writer.write(octets)
        received, _ = await asyncio.gather(reader.readexactly(len(octets)), writer.drain())
        writer.close()
        await writer.wait_closed()
        return received

    async def scenario(seed):
        texts = [Random(f"{seed} {number}").randbytes(300_000) for number in range(5)]
        async with await asyncio.start_server(send_back, "127.0.0.1", 0, ssl=server_tls(tmp_path).current()) as server:
            port = server.sockets[0].getsockname()[1]
            assert await asyncio.gather(*(exchange(port, text) for text in texts)) == texts

    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda seed: asyncio.run(scenario(seed)), range(3)))
