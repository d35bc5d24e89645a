"""Asks servers elsewhere what the registry has to know: webhooks, and those that answer parts of the API.

Every question has an end: a server that does not answer in its time counts as one that cannot be reached.
Upstream: apiserver ``pkg/util/webhook``.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence

import httptools

from fairlead.drivers.apiserver.outgoing_tls import OutgoingTls, to_known
from fairlead.drivers.apiserver.store.durable_state import DurableState
from fairlead.registry.admission.locations import Location, locate
from fairlead.registry.aggregation.forwarding import identity
from fairlead.registry.backend import USUAL_CLUSTER
from fairlead.registry.questions import Asked, Fetch, ReviewServer, ServerAnswer
from fairlead.registry.requests import User
from fairlead.registry.status import ApiError
from fairlead.registry.strategy import ClusterConfig

MAX_ANSWER = 8 << 20  # bytes; an object may have 3 MiB, and a patch is written in base64
CHUNK = 64 << 10


class _Failed(Exception):
    """No answer was received; the text says why."""


class ReviewServers:
    """The servers of one cluster."""

    def __init__(
        self,
        state: DurableState,
        choose: Callable[[int], int],
        new_uid: Callable[[], str],
        outgoing: OutgoingTls,
        cluster: ClusterConfig = USUAL_CLUSTER,
    ) -> None:
        self._state, self._choose, self._new_uid = state, choose, new_uid
        self._outgoing, self._cluster = outgoing, cluster
        self._fetched: dict[bytes, ServerAnswer] = {}

    async def ask(self, questions: Iterable[Asked]) -> dict[bytes, ServerAnswer]:
        """The answers to all questions, by their keys; they are asked at once. What has been fetched is not fetched
        again: a client that wants to know what servers have does not wait for the slowest of them."""
        asked = list(questions)
        known = {question.key: self._fetched[question.key] for question in asked if question.key in self._fetched}
        found = await self._asked([question for question in asked if question.key not in known])
        self._fetched |= {question.key: found[question.key] for question in asked if _is_new(question, found)}
        return known | found

    async def fetch_again(self, questions: Iterable[Fetch]) -> dict[bytes, ServerAnswer]:
        """The answers of today, which take the place of all that was fetched before."""
        self._fetched = await self._asked(list(questions))
        return self._fetched

    async def _asked(self, questions: Sequence[Asked]) -> dict[bytes, ServerAnswer]:
        answers = await asyncio.gather(*map(self._ask, questions))
        return {question.key: answer for question, answer in zip(questions, answers, strict=True)}

    async def _ask(self, question: Asked) -> ServerAnswer:
        uid = self._new_uid()
        try:
            async with asyncio.timeout(question.seconds):
                return ServerAnswer(uid, await self._answer(question, uid))
        except TimeoutError:
            why = "context deadline exceeded"
        except (OSError, _Failed, ValueError) as error:
            why = _go_reason(error)
        except ApiError as error:
            why = error.message
        shown = f"{question.server.shown}?timeout={question.seconds}s"
        method = "Get" if isinstance(question, Fetch) else "Post"
        return ServerAnswer(uid, failure=why if why.startswith("an error on") else f'{method} "{shown}": {why}')

    async def _answer(self, question: Asked, uid: str) -> bytes:
        location = locate(question.server, question.seconds, self._state.latest, self._choose, self._cluster)
        tls = self._tls(question.server) if isinstance(question, Fetch) else to_known(question.server.authorities)
        reader, writer = await asyncio.open_connection(
            location.host, location.port, ssl=tls, server_hostname=location.name, limit=CHUNK
        )
        try:
            writer.write(_request(location, question.body(uid)))
            return await _read_answer(reader)
        finally:
            writer.close()

    def _tls(self, server: ReviewServer) -> ssl.SSLContext:
        return self._outgoing.to_extension(server.authorities, is_unchecked=server.is_unchecked)


def _is_new(question: Asked, found: dict[bytes, ServerAnswer]) -> bool:
    return isinstance(question, Fetch) and question.key in found


_AGGREGATOR = User("system:kube-aggregator", ("system:masters",))


def _request(location: Location, body: bytes) -> bytes:
    """A review for a webhook, or (without a body) a look at what the server of a part of the API has."""
    about = [f"{name}: {value}" for name, value in identity(_AGGREGATOR)]
    if body:
        about = ["content-type: application/json", f"content-length: {len(body)}"]
    head = (
        f"{'POST' if body else 'GET'} {location.path} HTTP/1.1",
        f"host: {location.authority}",
        "user-agent: kube-apiserver-admission",
        "accept: application/json",
        *about,
        "connection: close",
        "",
        "",
    )
    return "\r\n".join(head).encode() + body


class _Answer:
    """An answer as far as it has come. Filled in by httptools' callbacks."""

    def __init__(self) -> None:
        self.body: list[bytes] = []
        self.is_complete = False

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.is_complete = True


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    answer = _Answer()
    parser, size = httptools.HttpResponseParser(answer), 0
    try:
        while not answer.is_complete and (data := await reader.read(CHUNK)):
            size += len(data)
            if size > MAX_ANSWER:
                raise _Failed("the answer is too large")
            parser.feed_data(data)
        code = parser.get_status_code()
    except httptools.HttpParserError as error:
        raise _Failed(f"malformed HTTP response: {error}") from None
    if not code or not (answer.is_complete or answer.body):
        raise _Failed("EOF")
    body = b"".join(answer.body)
    if not 200 <= code <= 299:
        raise _Failed(_of_status(code, body))
    return body


def _of_status(code: int, body: bytes) -> str:
    if code == 404:
        return "an error on the server: the server could not find the requested resource"
    told = body[:512].decode(errors="replace").strip() or "unknown"
    return f'an error on the server ("{told}") has prevented the request from succeeding'


def _go_reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "connect: connection refused"
    if isinstance(error, socket.gaierror):
        return "lookup of its host: no such host"
    return str(error) or type(error).__name__
