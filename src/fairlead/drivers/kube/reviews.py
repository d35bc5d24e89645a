"""Asks the API server who a client is and what it may do: TokenReview and SubjectAccessReview.

Answers are kept for a while, as upstream's webhook authenticator and authorizer keep them, so that a scraper or a busy
API server does not cost a review for each request. Upstream: ``apiserver/plugin/pkg/authenticator/token/webhook``,
``apiserver/plugin/pkg/authorizer/webhook``.
"""

import hashlib
import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from fairlead.drivers.kube.client import KubeClient, ResourcePath
from fairlead.model.document import Doc
from fairlead.registry.requests import User

TOKEN_REVIEWS = ResourcePath("authentication.k8s.io/v1", "tokenreviews", namespaced=False)
ACCESS_REVIEWS = ResourcePath("authorization.k8s.io/v1", "subjectaccessreviews", namespaced=False)
MAX_KEPT = 1024  # answers of each kind; the oldest makes room

T = TypeVar("T")


class Lives(NamedTuple):
    """Seconds for which answers are cached."""

    token: float
    allowed: float
    denied: float


OF_KUBELETS = Lives(120.0, 300.0, 30.0)  # KubeletConfiguration's defaults
OF_COMPONENTS = Lives(10.0, 10.0, 10.0)  # those of the control plane's components


class _Kept(Generic[T]):
    """Answers by question, until their time is over."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._answers: dict[Hashable, tuple[float, T]] = {}

    def get(self, question: Hashable) -> T | None:
        end, answer = self._answers.get(question, (0.0, None))
        return answer if self._now() < end else None

    def put(self, question: Hashable, answer: T, seconds: float) -> T:
        self._answers.pop(question, None)
        if len(self._answers) >= MAX_KEPT:
            del self._answers[next(iter(self._answers))]
        self._answers[question] = (self._now() + seconds, answer)
        return answer


class Reviews:
    """The reviews of one client, which must be allowed to create them (ClusterRole ``system:auth-delegator``)."""

    def __init__(self, client: KubeClient, lives: Lives, now: Callable[[], float] = time.monotonic) -> None:
        self._client, self._lives = client, lives
        self._users: _Kept[User] = _Kept(now)
        self._verdicts: _Kept[bool] = _Kept(now)

    async def user_of(self, token: str) -> User | None:
        """The user of a bearer token; None for an invalid token, which is not cached.

        Raises:
            KubeError, Unreachable: the API server could not be asked.
        """
        digest = hashlib.sha256(token.encode()).digest()
        if kept := self._users.get(digest):
            return kept
        status = await self._review(TOKEN_REVIEWS, "TokenReview", {"token": token})
        if not status.get("authenticated"):
            return None
        return self._users.put(digest, _user(status.get("user") or {}), self._lives.token)

    async def allows(self, user: User, attributes: Doc, kind: str = "resourceAttributes") -> bool:
        """Whether the user may do that.

        Args:
            attributes: as ``kind``, a field of a SubjectAccessReview's spec, has them.

        Raises:
            KubeError, Unreachable: the API server could not be asked.
        """
        spec: dict[str, Any] = {"user": user.name, "groups": list(user.groups), kind: attributes}
        if user.uid:
            spec["uid"] = user.uid
        if user.extra:
            spec["extra"] = {key: list(values) for key, values in user.extra.items()}
        question = msgspec.json.encode(spec)
        kept = self._verdicts.get(question)
        if kept is not None:
            return kept
        status = await self._review(ACCESS_REVIEWS, "SubjectAccessReview", spec)
        is_allowed = bool(status.get("allowed"))
        seconds = self._lives.allowed if is_allowed else self._lives.denied
        return self._verdicts.put(question, is_allowed, seconds)

    async def _review(self, resource: ResourcePath, kind: str, spec: Doc) -> Doc:
        document = {"apiVersion": resource.group_version, "kind": kind, "spec": spec}
        return (await self._client.create(resource.path(), document)).get("status") or {}


def _user(info: Doc) -> User:
    extra = {key: tuple(values) for key, values in (info.get("extra") or {}).items()}
    return User(info.get("username", ""), tuple(info.get("groups") or ()), info.get("uid", ""), extra)
