"""The API server as an ASGI application: from HTTP to the registry's one function and back.

Everything that is decided is decided in ``fairlead.registry``; here bodies are read within a limit, users are told
apart, steps are made durable before they are answered, and watches are kept fed. A fault of ours is logged and
answered 500 without its details; a client's fault never is a 500.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

from fairlead.drivers.apiserver.answers import send_answer, send_error
from fairlead.drivers.apiserver.audit_notes import log_notes
from fairlead.drivers.apiserver.chances import Chances
from fairlead.drivers.apiserver.health import health_page
from fairlead.drivers.apiserver.injected_faults import Broken, ends_watches, inject_faults
from fairlead.drivers.apiserver.metrics import CONTENT_TYPE as METRICS_TYPE
from fairlead.drivers.apiserver.metrics import ApiMetrics
from fairlead.drivers.apiserver.outgoing_tls import OutgoingTls
from fairlead.drivers.apiserver.review_servers import ReviewServers
from fairlead.drivers.apiserver.store.durable_state import DurableState
from fairlead.drivers.apiserver.store.errors import StoreError
from fairlead.drivers.apiserver.tunnel import TunnelClient, UpstreamTunnel
from fairlead.drivers.apiserver.turns import Turns, too_many_requests
from fairlead.drivers.apiserver.warning_headers import warning_headers
from fairlead.drivers.apiserver.watch_stream import WatchHolder, WatchStreams
from fairlead.drivers.clock_text import now_text
from fairlead.drivers.identity.authentication import bearer_token, user_of_certificate
from fairlead.drivers.identity.issuer_pages import IssuerPage
from fairlead.drivers.linux.rare_log import RareLog
from fairlead.drivers.steering.faults import SteeredFaults
from fairlead.registry.access.checks import check_path
from fairlead.registry.access.flow_control.fair_queue import FairFlow
from fairlead.registry.access.flow_control.levels import Level, level_of
from fairlead.registry.access.impersonation import acting_user
from fairlead.registry.access.service_account_tokens import ISSUER
from fairlead.registry.api import Answer, Consultation, Found, Reply, answer, is_write
from fairlead.registry.backend import BackendServer
from fairlead.registry.documents.bodies import as_json, is_slow
from fairlead.registry.environment import Environment
from fairlead.registry.requests import Request, User
from fairlead.registry.status import ApiError, unauthorized

log = logging.getLogger(__name__)
failures = RareLog(log)  # of the disk: each client that writes causes one

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MAX_BODY = 3 << 20  # upstream's limit, apiserver ``pkg/server/config.go``
BODY_SECONDS, BODY_STALL_SECONDS = 60, 10  # for all of it; between two parts of it
REQUEST_SECONDS = 60  # until no webhook is asked any more; upstream's limit of a request
MAX_UNREAD = 64 << 20  # bytes of answers that wait for one user to read them
HEALTH = frozenset({"/healthz", "/livez", "/readyz"})
OPEN_TO_ALL = HEALTH | {"/version"}


class Disconnected(Exception):
    """The client went away before its request was complete."""


class ApiApplication:
    """One API server's answers. The peer certificate in the scope, or else a bearer token, identifies the client."""

    def __init__(
        self,
        state: DurableState,
        env: Environment,
        outgoing: OutgoingTls,
        issuer_page: Callable[[str], IssuerPage | None] = lambda path: None,
        faults: SteeredFaults | None = None,
    ) -> None:
        self._state, self._env, self._tunnel = state, env, UpstreamTunnel(outgoing)
        self._issuer_page = issuer_page
        self.servers = ReviewServers(state, env.choose, env.new_uid, outgoing, env.cluster)
        self.streams = WatchStreams(state, env.kinds, self.servers.ask)
        self._turns = Turns()
        self._unread: Counter[str] = Counter()  # bytes of answers, by user
        self._reader = ThreadPoolExecutor(1, "yaml")
        self._faults = SteeredFaults() if faults is None else faults
        self._faults.listen(self._faults_changed)
        self._metrics = ApiMetrics(state, lambda: self.streams.open)

    async def remind(self, _: int) -> int:
        """Have watchers told how far the state is, by bookmarks; the version that it is at."""
        return self.streams.send_bookmarks()

    def _faults_changed(self) -> None:
        if ends_watches(self._faults):
            self.streams.end_all()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def counted(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self._metrics.count(scope["method"], scope["path"], message["status"])
            await send(message)

        await self._answer_or_refuse(scope, receive, counted)

    async def _answer_or_refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._faults:
                await inject_faults(self._faults, scope)
            await self._answer(scope, receive, send)
        except ApiError as error:
            await send_error(send, error)
        except StoreError as error:
            failures.warning(str(error))
            await send_error(send, ApiError(500, "InternalError", str(error)))
        except Disconnected:
            return
        except Broken:
            scope["cut"]()
            await asyncio.sleep(0)  # in which the server hears of it
        except Exception:
            log.exception("fault while answering %s %s", scope["method"], scope["path"])
            await send_error(
                send, ApiError(500, "InternalError", "Internal error occurred; the server's log says more")
            )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path in HEALTH or path.startswith(("/livez/", "/readyz/", "/healthz/")):
            page = health_page(path, scope["query_string"], self._state.trouble())
            await send_answer(send, page.code, page.body, [(b"content-type", b"text/plain; charset=utf-8")])
            return
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        headers = _headers(pairs)
        client = self._user(scope, headers)
        level = level_of(client)
        if not scope.get("claim", _no_table)(client.name, level):
            raise too_many_requests(f"user {client.name!r} has too many connections, please try again later")
        if self._unread[client.name] > MAX_UNREAD:
            raise too_many_requests(f"user {client.name!r} has not read earlier answers, please try again later")
        flow = FairFlow(client.name, level.weight)
        user = acting_user(client, pairs, self._state.latest)
        if found := self._plain_page(path):
            check_path(user, scope["method"], path, self._state.latest)
            await send_answer(send, 200, found[0], [(b"content-type", found[1])])
            return
        body = await _read_body(receive, headers)
        if is_slow(body, headers.get("content-type", "")):
            body = await self._as_json(body, flow)
        request = _request(scope, headers, user, body)
        result = await self._worked_on(request, flow)
        if isinstance(result, BackendServer):
            await self._tunnel.serve(
                result, TunnelClient(scope["method"], scope["headers"], body, receive, send, scope.get("take_over"))
            )
            return
        if not isinstance(result, Reply):
            await self.streams.serve(result, WatchHolder(client.name, level.share), receive, send)
            return
        if result.step is not None:
            await self._state.commit(result.step)
        log_notes(request, result.notes)
        if result.keep is not None:
            self._state.keep(result.keep)
        await self._reply(result, client.name, headers.get("if-none-match", ""), send)

    def _plain_page(self, path: str) -> tuple[bytes, bytes] | None:
        """What is served at a path that is no part of the API, and its media type."""
        if path == "/metrics":
            return self._metrics.text(), METRICS_TYPE
        page = self._issuer_page(path.rstrip("/"))
        return (page.body, page.content_type.encode()) if page else None

    async def _reply(self, reply: Reply, user: str, known: str, send: Send) -> None:
        """Send an answer, unless the client knows it (RFC 9110 section 13.1.2). What it is slow to read is kept for it,
        and is held against it."""
        headers = [(b"content-type", reply.content_type.encode()), *warning_headers(reply.warnings)]
        if reply.tag:
            headers += [(b"etag", reply.tag.encode()), (b"vary", b"Accept")]
            if reply.tag in known:
                await send({"type": "http.response.start", "status": 304, "headers": headers})
                await send({"type": "http.response.body", "body": b""})
                return
        self._unread[user] += len(reply.body)
        try:
            await send_answer(send, reply.code, reply.body, headers)
        finally:
            self._unread[user] -= len(reply.body)
            if not self._unread[user]:
                del self._unread[user]

    async def _as_json(self, body: bytes, flow: FairFlow) -> bytes:
        """A long YAML body as JSON, read beside the loop, one at a time: threads share the interpreter."""
        await self._turns.take(flow)
        began = time.perf_counter()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader, as_json, body)
        finally:
            self._turns.charge(flow, time.perf_counter() - began)

    async def _worked_on(self, request: Request, flow: FairFlow) -> Found:
        """The registry's answer, when it is the user's turn."""
        await self._turns.take(flow)
        chances = Chances(self._env)
        env = chances.environment(now_text())
        end = time.monotonic() + REQUEST_SECONDS
        while isinstance(found := self._answered(request, env, flow), Consultation):
            if time.monotonic() > end:
                raise ApiError(504, "Timeout", "Timeout: request did not complete within requested timeout")
            replies = await self.servers.ask(found.questions)
            chances.repeat()
            env = env._replace(answers={**env.answers, **replies})
            await self._turns.take(flow)
        return found

    def _answered(self, request: Request, env: Environment, flow: FairFlow) -> Answer:
        state = self._state.head if is_write(request.method) else self._state.latest
        began = time.perf_counter()
        try:
            return answer(request, state, self._state.at, env)
        finally:
            self._turns.charge(flow, time.perf_counter() - began)

    def _user(self, scope: Scope, headers: dict[str, str]) -> User:
        token = bearer_token(headers.get("authorization", ""))
        user = user_of_certificate(scope.get("peer_certificate")) or (
            self._env.authenticate(token, ISSUER) if token else None
        )
        if user is None:
            if scope["path"] not in OPEN_TO_ALL:
                raise unauthorized()
            return User("system:anonymous", ("system:unauthenticated",))
        return user


def _no_table(user: str, level: Level) -> bool:
    """Whose a connection is matters only where connections are counted."""
    return True


def _headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for key, text in pairs:
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _request(scope: Scope, headers: dict[str, str], user: User, body: bytes) -> Request:
    query: dict[str, str] = {}
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        query.setdefault(name, value)
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=query,
        user=user,
        accept=headers.get("accept", ""),
        content_type=headers.get("content-type", ""),
        user_agent=headers.get("user-agent", ""),
        body=body,
        query_string=scope["query_string"].decode("latin-1"),
    )


async def _read_body(receive: Receive, headers: dict[str, str]) -> bytes:
    declared = headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise _too_large()
    has_body = declared != "0" or "transfer-encoding" in headers
    chunks: list[bytes] = []
    size = 0
    loop = asyncio.get_running_loop()
    end = loop.time() + BODY_SECONDS
    try:
        async with asyncio.timeout(BODY_STALL_SECONDS if has_body else None) as limit:
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if size > MAX_BODY:
                    raise _too_large()
                more = message.get("more_body", False)
                if more:  # a timer takes as long as reading a small body
                    limit.reschedule(min(end, loop.time() + BODY_STALL_SECONDS))
    except TimeoutError as error:
        raise ApiError(408, "Timeout", "the body of the request did not arrive in time") from error
    return b"".join(chunks)


def _too_large() -> ApiError:
    return ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {MAX_BODY}")
