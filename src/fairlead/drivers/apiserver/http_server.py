"""HTTP over TLS for an ASGI application, on listening sockets from the caller.

The protocol is uvicorn's (``http_protocol``); it is served without uvicorn's own process management (signals, a tick
ten times a second), since the caller owns the process, and without asyncio's own accepting (``linux.accepting``).
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from fairlead.drivers.apiserver.connections import Connections
from fairlead.drivers.apiserver.http_protocol import IDLE_SECONDS, ApiProtocol
from fairlead.drivers.draining import drain
from fairlead.drivers.identity.pki import certificate_files
from fairlead.drivers.identity.renewal import FollowedCertificate
from fairlead.drivers.linux.accepting import Acceptor, raise_descriptor_limit
from fairlead.drivers.linux.memory import give_back, resident_bytes
from fairlead.drivers.tls_buffers import keep_tls_buffers_small

HANDSHAKE_SECONDS = 15.0
GRACE_SECONDS = 2.0
MEMORY_SECONDS = 10.0
SPARE_MEMORY = 16 << 20  # bytes that are not worth looking for


def server_tls(pki_directory: Path) -> FollowedCertificate:
    """TLS with the server's certificate; clients may show one of the cluster's authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(pki_directory / "ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    # A client that reads in one thread and writes in another shares one TLS object between them; when tickets for
    # a later session come just as it sends its first request, OpenSSL may lose that. Nobody here resumes sessions.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_RENEGOTIATION  # each costs us more than the client
    return FollowedCertificate(context, *certificate_files(pki_directory, "server"))


async def serve(
    application: Callable[..., Any],
    sockets: Sequence[socket.socket],
    tls: FollowedCertificate | None,
    started: Callable[[], None],
    closing: Callable[[], None],
) -> None:
    """Serve until cancelled; then stop listening, let answers be finished for a moment, and cut what is left.

    Args:
        started: called once, when all sockets are served.
        closing: called when serving ends, so that endless answers can end too.
    """
    keep_tls_buffers_small()
    config = Config(
        application,
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="none",
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
    )
    config.load()
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it tells of what clients do wrong, line by line
    state = ServerState()
    table = Connections(raise_descriptor_limit())
    loop = asyncio.get_running_loop()

    async def welcome(connection: socket.socket) -> None:
        # asyncio does this only for sockets made with an explicit protocol number. Without it the two writes of an
        # answer, head and body, wait for a delayed acknowledgement: 40 ms for each request.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        patience = HANDSHAKE_SECONDS if tls else None
        await loop.connect_accepted_socket(
            lambda: ApiProtocol(config, state, table),
            connection,
            ssl=tls.current() if tls else None,
            ssl_handshake_timeout=patience,
        )

    acceptors = [Acceptor(sock, welcome, table.relieve) for sock in sockets]
    memory = loop.create_task(_give_memory_back())
    started()
    try:
        await asyncio.Event().wait()
    finally:
        for acceptor in acceptors:
            acceptor.close()
        memory.cancel()
        closing()
        await drain(state, GRACE_SECONDS)


async def _give_memory_back() -> None:
    """After a burst of large answers, do not keep what they needed."""
    lowest = resident_bytes()
    while True:
        await asyncio.sleep(MEMORY_SECONDS)
        lowest = min(lowest, resident_bytes())
        if resident_bytes() > lowest + SPARE_MEMORY:
            await asyncio.to_thread(give_back)
            lowest = resident_bytes()
