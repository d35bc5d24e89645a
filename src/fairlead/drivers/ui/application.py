"""The page's ASGI application: its files for all clients, its data for clients with a session."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from fairlead.drivers.ui.exchange import Handler, PageReply, PageRequest, Routes, Stream, json_reply, problem
from fairlead.drivers.ui.gate import GateRefusal, PageGate
from fairlead.drivers.ui.page_files import page_files

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MOST_BODY = 64 << 10
SESSION = "/session"
# Nothing is loaded from elsewhere, nothing is run but the page's own files, and nobody frames it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
)

log = logging.getLogger(__name__)


class Application:
    """Answers requests by a table of routes."""

    def __init__(self, gate: PageGate, routes: Routes) -> None:
        self._gate, self._routes = gate, routes

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method, path = scope["method"], scope["path"]
        if refusal := self._gate.stranger(headers):
            await _send_whole(send, _refused(refusal))
        elif (method, path) == ("POST", SESSION):
            await _send_whole(send, await self._begin_session(headers, receive))
        elif (handler := self._routes.get((method, path))) is not None:
            await self._answer(handler, scope, headers, receive, send)
        else:
            await _send_whole(send, _file(method, path))

    async def _begin_session(self, headers: dict[str, str], receive: Receive) -> PageReply:
        if refusal := self._gate.uninvited("POST", headers):
            return _refused(refusal)
        body = await _body(receive)
        cookie = self._gate.opens(body.get("token") if isinstance(body, dict) else None)
        if cookie is None:
            return problem(HTTPStatus.UNAUTHORIZED, "the token is not that of this server")
        return PageReply(b"{}", headers=(("set-cookie", cookie),))

    async def _answer(
        self, handler: Handler, scope: dict[str, Any], headers: dict[str, str], receive: Receive, send: Send
    ) -> None:
        if refusal := self._gate.uninvited(scope["method"], headers):
            return await _send_whole(send, _refused(refusal))
        if not self._gate.has_session(headers):
            message = "no session: open the address that fairlead ui prints"
            return await _send_whole(send, problem(HTTPStatus.UNAUTHORIZED, message))
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        body = await _body(receive) if scope["method"] == "POST" else None
        if scope["method"] == "POST" and not isinstance(body, dict):
            return await _send_whole(send, problem(HTTPStatus.BAD_REQUEST, "the body is no JSON object"))
        reply = await _handled(handler, PageRequest(query, body))
        if isinstance(reply, PageReply):
            return await _send_whole(send, reply)
        return await _send_stream(send, receive, reply)


async def _handled(handler: Handler, request: PageRequest) -> PageReply | Stream:
    try:
        return await handler(request)
    except Exception:  # a fault of ours in one view must not end the page
        log.exception("a request of the page failed")
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this could not be shown; see what fairlead ui prints")


async def _body(receive: Receive) -> Any:
    """The decoded JSON of a body; None where it is none, or too long."""
    data = b""
    while len(data) <= MOST_BODY:
        message = await receive()
        data += message.get("body", b"")
        if not message.get("more_body"):
            break
    try:
        return msgspec.json.decode(data) if len(data) <= MOST_BODY else None
    except msgspec.DecodeError:
        return None


def _refused(refusal: GateRefusal) -> PageReply:
    return problem(refusal.status, refusal.reason)


def _file(method: str, path: str) -> PageReply:
    if method not in ("GET", "HEAD"):
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, "only GET is answered here")
    found = page_files().get(path)
    if found is None:
        return json_reply({"error": "there is no such file"}, HTTPStatus.NOT_FOUND)
    return PageReply(*found)


def _start(status: HTTPStatus, content_type: str, more: Iterable[tuple[str, str]] = ()) -> dict[str, Any]:
    headers = [("content-type", content_type), *HEADERS, *more]
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    return {"type": "http.response.start", "status": status.value, "headers": encoded}


async def _send_whole(send: Send, reply: PageReply) -> None:
    length = ("content-length", str(len(reply.body)))
    await send(_start(reply.status, reply.content_type, (*reply.headers, length)))
    await send({"type": "http.response.body", "body": reply.body})


async def _send_stream(send: Send, receive: Receive, stream: Stream) -> None:
    """Send events until the stream ends or the page is closed."""
    await send(_start(HTTPStatus.OK, "text/event-stream"))
    closed = asyncio.ensure_future(_closed(receive))
    try:
        async with aclosing(stream):
            following = asyncio.ensure_future(anext(stream, b""))
            while True:
                await asyncio.wait({closed, following}, return_when=asyncio.FIRST_COMPLETED)
                if closed.done():
                    await _cancelled(following)
                    return
                chunk = following.result()
                await send({"type": "http.response.body", "body": chunk, "more_body": bool(chunk)})
                if not chunk:
                    return
                following = asyncio.ensure_future(anext(stream, b""))
    finally:
        closed.cancel()


async def _closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancelled(task: "asyncio.Future[bytes]") -> None:
    task.cancel()
    await asyncio.wait({task})
