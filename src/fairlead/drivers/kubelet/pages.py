"""Pages of a node's HTTP API: whole answers to GET, and the files of a folder."""

import html
import stat
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from fairlead.drivers.pods.runtime import Refused
from fairlead.streaming.upgrade import HttpRequest

TEXT, JSON, HTML = "text/plain; charset=utf-8", "application/json", "text/html; charset=utf-8"
METRICS = "text/plain; version=0.0.4; charset=utf-8"
MAX_FILE = 64 * 1024 * 1024  # octets of a file that are sent, its last


class NodePage(NamedTuple):
    """A whole answer."""

    body: bytes
    content_type: str = TEXT
    status: HTTPStatus = HTTPStatus.OK

    def encode(self) -> bytes:
        """The bytes of a response, after which the connection is closed."""
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\nContent-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + self.body


NodePages = Mapping[str, Callable[[HttpRequest], Awaitable[NodePage]]]  # by the first segment of their path


def require_method(request: HttpRequest, methods: tuple[str, ...]) -> None:
    """Raises Refused: the request has another method."""
    if request.method not in methods:
        raise Refused(405, "405: Method Not Allowed")


def head_only(request: HttpRequest, answer: bytes) -> bytes:
    """An answer as the request's method wants it: without its body for HEAD."""
    return answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if request.method == "HEAD" else answer


def file_page(folder: Path, segments: tuple[str, ...]) -> NodePage:
    """A file of a folder, or what a folder below it holds, as Go's file server shows both.

    Raises:
        Refused: the file does not exist, is outside the folder (also through a link), or cannot be read.
    """
    path = folder.joinpath(*segments)
    try:
        resolved, root = path.resolve(strict=True), folder.resolve()
        if ".." in segments or not resolved.is_relative_to(root):
            raise Refused(404, "404 page not found")
        mode = resolved.stat().st_mode
        if stat.S_ISDIR(mode):
            return NodePage(_listing(resolved), HTML)
        if not stat.S_ISREG(mode):
            raise Refused(404, "404 page not found")
        return NodePage(_tail(resolved), TEXT)
    except PermissionError as error:
        raise Refused(403, "403 Forbidden") from error
    except (OSError, ValueError, RuntimeError) as error:  # gone, no folder, a name with NUL, links in a circle
        raise Refused(404, "404 page not found") from error


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MAX_FILE))
        return file.read(MAX_FILE)


def _listing(folder: Path) -> bytes:
    names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in folder.iterdir())
    lines = (f'<a href="{quote(name)}">{html.escape(name)}</a>\n' for name in names)
    return f"<!doctype html>\n<pre>\n{''.join(lines)}</pre>\n".encode()
