"""HTTP for an ASGI application on sockets of loopback; uvicorn's protocol without its process management."""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from fairlead.drivers.draining import drain

IDLE_SECONDS = 60
GRACE_SECONDS = 1.0
MOST_CONNECTIONS = 64  # a page has about six; further connections get "busy"


async def serve(application: Callable[..., Any], sockets: Sequence[socket.socket], started: Callable[[], None]) -> None:
    """Serve until cancelled.

    Args:
        started: called once, when all sockets are served.
    """
    config = Config(
        application, interface="asgi3", lifespan="off", log_config=None, access_log=False, ws="none",
        proxy_headers=False, timeout_keep_alive=IDLE_SECONDS, limit_concurrency=MOST_CONNECTIONS, server_header=False,
    )  # fmt: skip
    config.load()
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it logs every client error
    state, loop = ServerState(), asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: HttpToolsProtocol(config, state, {}), sock=each) for each in sockets]
    started()
    try:
        await asyncio.Event().wait()
    finally:
        for server in servers:
            server.close()
        await drain(state, GRACE_SECONDS)


def listen(port: int) -> socket.socket:
    """A listening socket on loopback.

    Args:
        port: 0 for any that is free.

    Raises:
        OSError: the port is taken.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(("127.0.0.1", port))
        found.listen(MOST_CONNECTIONS)
    except OSError:
        found.close()
        raise
    found.setblocking(False)
    return found
