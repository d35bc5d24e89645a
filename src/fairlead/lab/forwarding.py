"""Ports of this machine's loopback that lead into a lab."""

import asyncio
import socket
from collections.abc import Callable
from typing import NamedTuple

from fairlead.drivers.lab.relay import Connection, join
from fairlead.lab.background import Background

LOOPBACK = "127.0.0.1"


class Forwarded(NamedTuple):
    """A port that leads into a lab; close it, or use it as a context manager."""

    port: int
    close: Callable[[], None]

    @property
    def url(self) -> str:
        """The URL for HTTP."""
        return f"http://{LOOPBACK}:{self.port}"

    def __enter__(self) -> "Forwarded":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def forward(background: Background, connect: Callable[[], socket.socket]) -> Forwarded:
    """A free port; each connection to it opens a new connection into the lab.

    Args:
        connect: opens a connection; called in a thread, because it can take a while.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            made = await asyncio.to_thread(connect)
            connection: Connection = await asyncio.open_connection(sock=made)
            await join((reader, writer), connection)
        except (OSError, RuntimeError):
            writer.transport.abort()  # there, nobody answers; so here it is a reset
        finally:
            writer.close()

    under_way: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    async def start() -> asyncio.Server:
        return await asyncio.start_server(begin, LOOPBACK, 0)

    server = background.call(start())

    async def stop() -> None:
        server.close()
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    return Forwarded(server.sockets[0].getsockname()[1], lambda: background.call(stop()))
