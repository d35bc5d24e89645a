"""Requests and replies of the page, without HTTP's details."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

JSON = "application/json"


class PageRequest(NamedTuple):
    """A request of the page.

    Attributes:
        query: of the URL, the last value of each name. body: decoded JSON; None without one.
    """

    query: Mapping[str, str]
    body: Any = None


class PageReply(NamedTuple):
    """One whole answer."""

    body: bytes
    content_type: str = JSON
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[tuple[str, str], ...] = ()


Stream = AsyncGenerator[bytes, None]  # of server-sent events
Handler = Callable[[PageRequest], Awaitable[PageReply | Stream]]
Routes = Mapping[tuple[str, str], Handler]  # by method and path


def _plain(value: object) -> str:
    """A text that knows more than its words (``model.phrases``) as a plain one."""
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} is no JSON")


def _encoded(document: Any) -> bytes:
    return msgspec.json.encode(document, enc_hook=_plain)


def json_reply(document: Any, status: HTTPStatus = HTTPStatus.OK) -> PageReply:
    return PageReply(_encoded(document), status=status)


def problem(status: HTTPStatus, message: str) -> PageReply:
    """An answer that says what is wrong."""
    return json_reply({"error": message}, status)


def event(name: str, document: Any) -> bytes:
    """A server-sent event; JSON has no line breaks outside of strings, where they are escaped."""
    return b"event: " + name.encode() + b"\ndata: " + _encoded(document) + b"\n\n"
