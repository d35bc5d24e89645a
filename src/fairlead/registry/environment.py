"""The environment of a request: the time, a random source, the kinds and the cluster's settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.questions import Answers
from fairlead.registry.requests import RequestTarget, User
from fairlead.registry.resources import BY_STORAGE, Resource
from fairlead.registry.store import State
from fairlead.registry.strategy import ClusterConfig, Context, Strategy

_PLAIN = Strategy()


@dataclass(frozen=True)
class Kinds:
    """The rules of all kinds, by the name that documents have; a kind without any is stored as it comes."""

    strategies: Mapping[str, Strategy] = field(default_factory=dict)

    def strategy(self, resource: Resource) -> Strategy:
        if resource.defined:
            return resource.defined.strategy
        return self.strategies.get(BY_STORAGE[resource.storage].kind, _PLAIN)


class Write(NamedTuple):
    """An object before a write.

    Attributes:
        new, old: the new and the stored object; a deletion has no new one, a creation no old one.
        operation: of those that admission knows, when it is none of creation, update and deletion.
        complete: adds to the object what the server itself adds, again after others have changed it.
    """

    state: State
    target: RequestTarget
    new: Doc | None
    old: Doc | None
    dry_run: bool
    operation: str = ""
    complete: Callable[[Doc], None] = lambda document: None


class Environment(NamedTuple):
    """The outside of one request.

    Attributes:
        now: RFC 3339 text in UTC, whole seconds.
        new_uid: a fresh UUID for an object that may be created.
        choose: an index below its argument, evenly at random.
        authenticate: the user of a bearer token that is good for an audience; None when it is not known.
        sign: claims -> a token that ``authenticate`` will know.
        admit: raises ApiError when the client may not have that written, as (state, target, new, old or None).
        mutate: changes a wanted document by policies and webhooks; None if there are none.
        review: the same for a complete and valid document, for every client; returns warnings.
        answers: the webhooks' answers so far.
        user: the client whose request this is.
    """

    now: str
    new_uid: Callable[[], str]
    choose: Callable[[int], int]
    kinds: Kinds
    cluster: ClusterConfig
    authenticate: Callable[[str, str], User | None]
    sign: Callable[[dict[str, Any]], str]
    admit: Callable[[State, RequestTarget, Doc, Doc | None], None] = lambda state, target, new, old: None
    mutate: Callable[[Write], Doc] | None = None
    review: Callable[[Write], tuple[str, ...]] = lambda write: ()
    answers: Answers = MappingProxyType({})
    user: User | None = None

    def admitted(self, write: Write) -> Doc:
        """The admitted document of a request that stores no object of its kind.

        Raises:
            ApiError: it is refused. Unanswered: a webhook must be called first.
        """
        document = self.mutate(write) if self.mutate is not None else write.new or {}
        self.review(write._replace(new=document))
        return document

    @property
    def unguarded(self) -> "Environment":
        """The environment without admission, for consequences of an admitted write."""
        return self._replace(mutate=None, review=lambda write: ())

    def context(self, state: State, dry_run: bool) -> Context:
        return Context(self.now, state, self.choose, self.cluster, dry_run, self.user)
