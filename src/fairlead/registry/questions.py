"""How a pure answer waits for other servers: it stops with its questions, and is computed again with the answers.

An answer of the registry can depend on a webhook. The registry does not wait: it raises ``Unanswered``, the shell
around it asks, and computes the answer again, on the then current state, with all answers so far. The content of a
question is its key, so the question is asked again only if the object has changed in between.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from fairlead.model.document import Doc


class ServiceReference(NamedTuple):
    """A server behind a Service of the cluster; ``path`` begins with a slash, or is empty."""

    namespace: str
    name: str
    port: int
    path: str = ""


class ReviewServer(NamedTuple):
    """A server to call, over TLS.

    Attributes:
        url: its location, unless it is behind a Service.
        authorities: certificates in PEM that must have issued its own; empty for those that the machine trusts.
        is_unchecked: its certificate is not verified.
    """

    url: str = ""
    service: ServiceReference | None = None
    authorities: bytes = b""
    is_unchecked: bool = False

    @property
    def host_name(self) -> str:
        """The name that its certificate must have, if it is behind a Service."""
        return f"{self.service.name}.{self.service.namespace}.svc" if self.service else ""

    @property
    def shown(self) -> str:
        """Its URL as messages have it."""
        if self.service is None:
            return self.url
        where = self.service
        return f"https://{where.name}.{where.namespace}.svc:{where.port}{where.path or '/'}"


def read_server(client: Doc) -> ReviewServer:
    """The server of a ``clientConfig``."""
    authorities = base64.b64decode(client.get("caBundle") or "")
    service = client.get("service")
    if service is None:
        return ReviewServer(client["url"], None, authorities)
    where = ServiceReference(service["namespace"], service["name"], service.get("port", 443), service.get("path") or "")
    return ReviewServer("", where, authorities)


class ReviewQuestion(NamedTuple):
    """A review for a server.

    Attributes:
        kind, api_version: of the review.
        rest: the JSON of its request but for the uid, without the leading brace.
        seconds: how long the answer may take.
    """

    server: ReviewServer
    kind: str
    api_version: str
    rest: bytes
    seconds: int

    @property
    def key(self) -> bytes:
        """A key that is equal for equal questions to the same server."""
        parts = (repr(self.server).encode(), self.api_version.encode(), self.rest)
        return hashlib.sha256(b"\0".join(parts)).digest()

    def body(self, uid: str) -> bytes:
        """The review as it is sent."""
        head = f'{{"kind":"{self.kind}","apiVersion":"{self.api_version}","request":{{"uid":"{uid}",'
        return head.encode() + self.rest + b"}"


class Fetch(NamedTuple):
    """A document to fetch from a server.

    Attributes:
        server: with the path of the document.
        seconds: how long the answer may take.
    """

    server: ReviewServer
    seconds: int

    @property
    def key(self) -> bytes:
        """A key that is equal for the same document of the same server."""
        return hashlib.sha256(b"fetch\0" + repr(self.server).encode()).digest()

    def body(self, uid: str) -> bytes:
        """There is none."""
        return b""


Asked = ReviewQuestion | Fetch


def question(server: ReviewServer, kind: str, api_version: str, request: Doc, seconds: int) -> ReviewQuestion:
    """The question that a review's request is; ``request`` is without a uid."""
    return ReviewQuestion(server, kind, api_version, msgspec.json.encode(request)[1:], seconds)


class ServerAnswer(NamedTuple):
    """The result of a question.

    Attributes:
        uid: under which it was asked.
        body: of the answer.
        failure: why there is none; empty when there is one.
    """

    uid: str
    body: bytes = b""
    failure: str = ""


class Unanswered(Exception):
    """The request cannot continue before these questions are answered."""

    def __init__(self, questions: tuple[Asked, ...]) -> None:
        super().__init__(f"{len(questions)} questions")
        self.questions = questions


Answers = Mapping[bytes, ServerAnswer]


@dataclass(frozen=True)
class Consultation:
    """The answer to a request for which other servers must be called first."""

    questions: tuple[Asked, ...]


def answers_to(questions: Iterable[Asked], known: Answers) -> list[ServerAnswer]:
    """The answers, in the order of the questions.

    Raises:
        Unanswered: some are unknown; it has those.
    """
    asked = tuple(questions)
    if missing := tuple(each for each in asked if each.key not in known):
        raise Unanswered(missing)
    return [known[each.key] for each in asked]
