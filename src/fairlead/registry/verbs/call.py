"""A request during its processing, and its possible answers."""

from collections.abc import Callable
from typing import NamedTuple

from fairlead.registry.backend import BackendServer
from fairlead.registry.conversion import shown_as
from fairlead.registry.documents.views import View, negotiate
from fairlead.registry.environment import Environment
from fairlead.registry.questions import Consultation
from fairlead.registry.requests import Request, RequestTarget
from fairlead.registry.resources import Resource
from fairlead.registry.schemas.catalogue import type_of
from fairlead.registry.status import not_found
from fairlead.registry.store import State, Step
from fairlead.registry.verbs.watches import PermittedWatch


class Reply(NamedTuple):
    """A finished answer.

    Attributes:
        step: what must be made durable before the answer is sent; None for reads.
        keep: a state that the client may ask for again, by a continue token.
        warnings: texts for ``Warning`` headers.
        notes: for the administrator, by the keys of upstream's audit annotations.
        tag: the ETag of the body, so that a client that already has it does not get it again.
    """

    body: bytes
    code: int = 200
    content_type: str = "application/json"
    step: Step | None = None
    keep: State | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    tag: str = ""


Found = Reply | PermittedWatch | BackendServer
Answer = Found | Consultation


class Call(NamedTuple):
    """A request with its target and its environment.

    Attributes:
        state: for reads the latest durable state, for writes the latest of all.
        state_at: an earlier state by its version, if it is kept; 0 is the latest.
    """

    request: Request
    target: RequestTarget
    state: State
    state_at: Callable[[int], State | None]
    env: Environment

    @property
    def resource(self) -> Resource:
        return self.target.resource

    @property
    def type_name(self) -> str:
        """The type of the resource's documents, in the catalogue."""
        if self.resource.defined:
            return self.resource.defined.type_name
        return type_of(self.resource.group_version, self.resource.kind) or ""

    @property
    def view(self) -> View:
        """The form that the client accepts; raises ApiError if there is none."""
        return View(self.resource, negotiate(self.request.accept, self.request.query.get("includeObject", "")))

    def shown(self, document: bytes) -> bytes:
        """A stored document in the client's form."""
        (presented,) = shown_as((document,), self.resource, self.env.answers)
        return self.view.one(presented, self.env.kinds, self.env.now)

    def stored(self) -> bytes:
        """The object that the request is about; raises ApiError when it is not there."""
        stored = self.state.get(self.resource.storage, self.target.key)
        if stored is None:
            raise not_found(self.resource.plural, self.target.name, self.resource.group)
        return stored.document

    def presented(self) -> bytes:
        """The document in the version of the request; raises ApiError if it cannot be converted."""
        return shown_as((self.stored(),), self.resource, self.env.answers)[0]


Handler = Callable[[Call], Answer]
