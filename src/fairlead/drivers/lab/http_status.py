"""Asks a server for nothing but its status, as a load balancer's health check does."""

import asyncio

from fairlead.dataplane.eligibility import REFUSED
from fairlead.model.socket_address import SocketAddress


async def http_status(host: str, port: int, path: str, seconds: float) -> int | None:
    """The status of the answer; REFUSED when nobody listens, None when there is no sign of life in time."""
    request = f"GET {path} HTTP/1.1\r\nHost: {SocketAddress(host, port)}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request.encode())
                line = await reader.readuntil(b"\r\n")
            finally:
                writer.close()
    except ConnectionRefusedError:
        return REFUSED
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    fields = line.split()
    return int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else None
