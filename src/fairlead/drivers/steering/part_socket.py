"""The socket at which a part of a lab is steered: one request on a connection, a line of JSON, and a line in return.

``{"op": "reached", "version": N}`` is answered when the part has acted on all that the API server had at that version.
``{"op": "fault", …}`` begins a fault that lasts as long as the connection: a killed program takes its faults along.
It is an abstract Unix socket (unix(7)): it belongs to a network namespace and is no file. Only processes that the part
cannot see are answered, which are those outside of the lab (``SO_PEERCRED`` has no number for them): a Pod on the
node's network is below the part, and gets nothing. In a lab without namespaces every process of its user is answered.
"""

import asyncio
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from fairlead.drivers.steering.faults import Steering

_CREDENTIALS = struct.Struct("=3i")  # pid, uid, gid
_LONGEST = 64 * 1024

Document = Mapping[str, Any]
Reached = Callable[[int], Awaitable[int]]


@asynccontextmanager
async def steered(steering: Steering | None, reached: Reached) -> AsyncIterator[None]:
    """Serve the socket in this context, if there is one.

    Args:
        reached: waits until the part has acted on a version of the API's objects, and gives the one it is at.
    """
    if steering is None:
        yield
        return
    handler = _Handler(steering, reached)
    server = await asyncio.start_unix_server(handler.serve, path=f"\0{steering.name}", limit=_LONGEST)
    try:
        yield
    finally:
        server.close()


class _Handler:
    def __init__(self, steering: Steering, reached: Reached) -> None:
        self._steering, self._reached = steering, reached

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            if self._may_ask(writer.get_extra_info("socket")):
                await self._answer(reader, writer)
        except (ConnectionError, ValueError):
            return  # a client that breaks off, or is none of ours
        finally:
            writer.close()

    def _may_ask(self, connection: socket.socket) -> bool:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, _ = _CREDENTIALS.unpack(raw)
        return bool(pid == 0 or (self._steering.trusts_user and uid == os.geteuid()))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match json.loads(await reader.readline() or b"null"):
            case {"op": "reached", "version": int(version)}:
                waiting = asyncio.ensure_future(self._reached(version))
                gone = asyncio.ensure_future(reader.read(1))
                await asyncio.wait([waiting, gone], return_when=asyncio.FIRST_COMPLETED)
                gone.cancel()
                if waiting.done():
                    writer.write(_line({"version": waiting.result()}))
                    await writer.drain()
                waiting.cancel()
            case {"op": "fault", "kind": str()} as fault:
                end = self._steering.faults.begin(fault)
                try:
                    writer.write(_line({"begun": True}))
                    await writer.drain()
                    with suppress(ConnectionError):
                        await reader.read(1)
                finally:
                    end()
            case _:
                writer.write(_line({"error": "this part does not know that request; is the lab of another version?"}))
                await writer.drain()


def _line(document: Document) -> bytes:
    return json.dumps(document).encode() + b"\n"
