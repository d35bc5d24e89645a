"""Health and metrics endpoints: just enough HTTP/1.1 for probes and scrapers.

Answers GET and HEAD of a table of paths, closes the connection after each reply, and refuses everything else. Not for
anything that takes input.
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple, Protocol

REQUEST_TIMEOUT = 5.0  # seconds to send a request
REQUEST_MAX = 8192  # octets of request line and headers

TEXT = "text/plain; charset=utf-8"


class Page(NamedTuple):
    """One reply."""

    body: str
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()


Pages = Mapping[str, Callable[[], Page]]

_NOT_FOUND = Page("404 page not found\n", HTTPStatus.NOT_FOUND)
_NOT_ALLOWED = Page("method not allowed\n", HTTPStatus.METHOD_NOT_ALLOWED)


class AccessToPages(Protocol):
    """Decides who sees which page."""

    async def refusal(self, path: str, authorization: str) -> Page | None:
        """The answer that refuses the page; None if the client has access."""


async def serve_pages(host: str, port: int, pages: Pages, access: AccessToPages | None = None) -> asyncio.Server:
    """Serve pages by path until the server is closed; the page ``*`` answers on paths that have none of their own.

    Args:
        access: without it, all clients see all pages.

    Raises:
        OSError: the address cannot be listened at.
    """

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _converse(reader, writer, pages, access)

    return await asyncio.start_server(handle, host, port, limit=REQUEST_MAX)


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pages: Pages, access: AccessToPages | None
) -> None:
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT):
            request = await reader.readuntil(b"\r\n\r\n")
            refusal = await access.refusal(_path(request), _authorization(request)) if access else None
            writer.write(_reply(request, {"*": lambda: refusal} if refusal else pages))
            await writer.drain()
    except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        pass  # the client's doing; there is nobody to tell
    finally:
        writer.close()


def _path(request: bytes) -> str:
    return request.partition(b" ")[2].partition(b" ")[0].partition(b"?")[0].decode("latin-1")


def _authorization(request: bytes) -> str:
    """The header of that name; empty without one, or with several."""
    headers = (line.partition(b":") for line in request.split(b"\r\n")[1:])
    found = [value.strip() for name, _, value in headers if name.strip().lower() == b"authorization"]
    return found[0].decode("latin-1") if len(found) == 1 else ""


def _reply(request: bytes, pages: Pages) -> bytes:
    method, path = request.partition(b" ")[0], _path(request)
    answer = pages.get(path) or pages.get("*") or (lambda: _NOT_FOUND)
    page = answer() if method in (b"GET", b"HEAD") else _NOT_ALLOWED
    extra = "".join(f"{name}: {value}\r\n" for name, value in page.headers)
    body = page.body.encode()
    head = (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\nContent-Type: {page.content_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n{extra}\r\n"
    )
    return head.encode() + (b"" if method == b"HEAD" else body)
