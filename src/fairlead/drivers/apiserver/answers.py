"""Answers on their way to a client, as messages of ASGI."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from fairlead.drivers.apiserver.turns import RETRY_SECONDS
from fairlead.registry.status import ApiError

Send = Callable[[dict[str, Any]], Awaitable[None]]

# Bytes that a connection is given at a time. It copies what the kernel does not take at once, and then the client is
# waited for: no more than this of a long list is ever copied, however slowly it is read.
PIECE = 256 << 10
_JSON = (b"content-type", b"application/json")


async def send_answer(send: Send, code: int, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Send a whole answer; return when the connection has taken it."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": code, "headers": [*headers, length]})
    rest = body if len(body) <= PIECE else memoryview(body)
    while len(rest) > PIECE:
        await send({"type": "http.response.body", "body": rest[:PIECE], "more_body": True})
        rest = rest[PIECE:]
    await send({"type": "http.response.body", "body": rest})


async def send_error(send: Send, error: ApiError) -> None:
    """Send a refusal as a Status."""
    headers = [_JSON]
    if error.code in (408, 413, 429):  # what follows would be read for nothing
        headers.append((b"connection", b"close"))
    if error.code == 429:
        headers.append((b"retry-after", str(RETRY_SECONDS).encode()))
    await send_answer(send, error.code, msgspec.json.encode(error.status()), headers)
