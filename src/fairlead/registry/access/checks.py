"""The permissions that a request needs, and its refusal (403) without them.

Besides its own verb, a write that creates an object needs ``create``; one that grants permissions is checked again when
its result is known (``escalation``).
"""

from collections.abc import Iterator
from dataclasses import replace

from fairlead.registry.access.authorization import decide, is_superuser
from fairlead.registry.access.rules import Attributes
from fairlead.registry.documents.bodies import media_type
from fairlead.registry.requests import RequestTarget, User
from fairlead.registry.selectors import selection_of
from fairlead.registry.status import forbidden
from fairlead.registry.store import State
from fairlead.registry.verbs.apply import APPLY_PATCH
from fairlead.registry.verbs.call import Call


def check_path(user: User, method: str, path: str, state: State) -> None:
    """Raises ApiError: the user may not do this at a non-resource path."""
    require(Attributes(user, method.lower(), path=path), state)


def check_access(call: Call, verb: str) -> None:
    """Raises ApiError: the user may not make the request."""
    if not is_superuser(call.request.user):
        for needed in _needed(call, verb):
            require(needed, call.state)


def require(needed: Attributes, state: State) -> None:
    """Raises ApiError: a required permission is missing."""
    verdict = decide(needed, state)
    if not verdict.allowed:
        raise forbidden(needed.resource, needed.name, verdict.refusal, needed.group)


def _needed(call: Call, verb: str) -> Iterator[Attributes]:
    target, resource = call.target, call.resource
    side = target.subresource.name if target.subresource else ""
    name, fields = _selected(call) if verb in _SELECTING else (target.name, ())
    asked = Attributes(
        call.request.user, verb, resource.group, resource.plural, side, _namespace(target), name, fields=fields
    )
    yield asked
    if _makes_an_object(call, verb):
        yield replace(asked, verb="create")


def _namespace(target: RequestTarget) -> str:
    """A Namespace counts as inside itself, so that a Role in it can apply to it (``request.RequestInfo``)."""
    return target.name if target.resource.kind == "Namespace" else target.namespace


_SELECTING = ("list", "watch", "deletecollection")


def _selected(call: Call) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The limits of a request on a collection: the single possible object, and the values of fields."""
    known = call.env.kinds.strategy(call.resource).fields
    selection, names = selection_of(call.request, call.target, known), tuple(known)
    fields = tuple((names[term.position], term.value) for term in selection.fields if not term.negated)
    return selection.name, fields


def _makes_an_object(call: Call, verb: str) -> bool:
    """Whether this PUT or apply creates its object."""
    applies = verb == "patch" and media_type(call.request.content_type) == APPLY_PATCH
    if call.target.subresource or not (applies or (verb == "update" and call.resource.create_on_update)):
        return False
    return call.state.get(call.resource.storage, call.target.key) is None
