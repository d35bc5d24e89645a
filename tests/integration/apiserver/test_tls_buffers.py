"""The memory of a TLS connection: there are many watches with little traffic."""

import asyncio
import ssl
import tracemalloc
from contextlib import AsyncExitStack

from fairlead.drivers.apiserver.http_server import server_tls
from fairlead.drivers.identity.pki import ensure_pki
from fairlead.drivers.tls_buffers import TLS_BUFFER, keep_tls_buffers_small

CONNECTIONS = 20
BOTH_ENDS = 2
WHATEVER_ELSE = 64 << 10  # octets: sockets, transports, the session


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

    assert asyncio.run(scenario()) < CONNECTIONS * BOTH_ENDS * (TLS_BUFFER + WHATEVER_ELSE)
