"""The whole API as one function: a request and a state go in, an answer comes out.

An answer is a document with, for writes, the step that must be made durable before it is sent; or a watch to serve; or
another server that answers. Nothing here waits or does I/O. Refusals are raised as ``ApiError``.
"""

from collections.abc import Callable, Iterable
from functools import partial

from fairlead.registry.access.admission import admit
from fairlead.registry.access.authorization import is_superuser
from fairlead.registry.access.checks import check_access, check_path
from fairlead.registry.access.reviews import ACCESS
from fairlead.registry.admission.gate import AdmissionGate
from fairlead.registry.aggregation.extensions import STORAGE as APISERVICES
from fairlead.registry.aggregation.extensions import extensions
from fairlead.registry.aggregation.forwarding import forward
from fairlead.registry.discovery.groups import discover, tag_of
from fairlead.registry.environment import Environment
from fairlead.registry.kinds.apiextensions.custom_resource_definition import STORAGE
from fairlead.registry.kinds.apiextensions.served import resource_table
from fairlead.registry.questions import Consultation, Unanswered
from fairlead.registry.requests import VERB_OF, Request, RequestTarget, parse_target
from fairlead.registry.status import method_not_allowed
from fairlead.registry.store import State
from fairlead.registry.subresources.connections import CONNECTIONS, connection_options
from fairlead.registry.subresources.table import OF_CUSTOM_KINDS, SUBRESOURCES
from fairlead.registry.verbs.call import Answer, Call, Found, Handler, Reply
from fairlead.registry.verbs.component_statuses import COMPONENT_STATUSES
from fairlead.registry.verbs.deletion import delete_collection, delete_object
from fairlead.registry.verbs.read import get_object, list_objects, watch_objects
from fairlead.registry.verbs.watches import PermittedWatch
from fairlead.registry.verbs.write import create_object, patch_object, update_object

__all__ = ["Answer", "Consultation", "Found", "Reply", "answer", "is_write"]


def is_write(method: str) -> bool:
    return method not in ("GET", "HEAD")


def answer(request: Request, state: State, state_at: Callable[[int], State | None], env: Environment) -> Answer:
    """Answer any request of an authenticated user.

    Raises:
        ApiError: the request is refused.
    """
    table = resource_table(state.of(STORAGE))
    others = extensions(state.of(APISERVICES), table)
    if others and (upstream := forward(request, others, state, env.choose, env.cluster)):
        return upstream
    if request.method == "GET":
        try:
            found = discover(request.path, request.accept, table, others, env.answers)
        except Unanswered as waiting:
            return Consultation(waiting.questions)
        if found is not None:
            check_path(request.user, request.method, request.path, state)
            return Reply(found.body, content_type=found.content_type, tag=tag_of(found.body))
    target = parse_target(request.path, table)
    verb = _verb(request, target)
    allowed = target.subresource.verbs if target.subresource else target.resource.verbs
    if verb and verb not in allowed:
        raise method_not_allowed()
    handler = _special(target, verb) or _VERBS[verb]
    gate = AdmissionGate(request, table, env)
    call = Call(request, target, state, state_at, _admitting(request, state, gate, env))
    check_access(call, verb)
    try:
        if target.plural_with_subresource in CONNECTIONS:
            gate.pass_connection(state, target, connection_options(request, target))
        answered = handler(call)
    except Unanswered as waiting:
        return Consultation(waiting.questions)
    if gate.notes and isinstance(answered, Reply):
        answered = answered._replace(notes=tuple(gate.notes.items()))
    return _warned(answered, (target.resource.deprecated, *gate.warnings))


def _warned(found: Answer, texts: Iterable[str]) -> Answer:
    """The answer with more warnings: about deprecated APIs, and those of webhooks."""
    told = tuple(filter(None, texts))
    return (
        found._replace(warnings=(*told, *found.warnings))
        if told and isinstance(found, Reply | PermittedWatch)
        else found
    )


def _special(target: RequestTarget, verb: str) -> Handler | None:
    if target.resource.defined:
        return OF_CUSTOM_KINDS.get((target.subresource.name, verb)) if target.subresource else None
    return _SPECIAL.get((target.plural_with_subresource, verb))


def _admitting(request: Request, state: State, gate: AdmissionGate, env: Environment) -> Environment:
    """The environment of a write, with the checks of what its user may write and of what its namespace admits."""
    if not is_write(request.method):
        return env
    mutate = gate.mutating(state)
    if is_superuser(request.user):
        return env._replace(user=request.user, mutate=mutate, review=gate.review)
    return env._replace(user=request.user, admit=partial(admit, request.user), mutate=mutate, review=gate.review)


# Methods that only other servers handle; upstream has no verb for OPTIONS, so only a rule for all verbs allows it.
_VERB_OF_PROXY = {"HEAD": "get", "OPTIONS": ""}


def _verb(request: Request, target: RequestTarget) -> str:
    if target.subresource and target.subresource.name == "proxy" and request.method in _VERB_OF_PROXY:
        return _VERB_OF_PROXY[request.method]
    if request.method == "POST" and target.subresource:
        return "create"
    verb = VERB_OF.get((request.method, bool(target.name)))
    if verb is None or (verb == "create" and target.resource.namespaced and not target.namespace):
        raise method_not_allowed()
    return "watch" if request.method == "GET" and not target.subresource and request.flag("watch") else verb


_VERBS: dict[str, Handler] = {
    "get": get_object,
    "list": list_objects,
    "watch": watch_objects,
    "create": create_object,
    "update": update_object,
    "patch": patch_object,
    "delete": delete_object,
    "deletecollection": delete_collection,
}
_SPECIAL: dict[tuple[str, str], Handler] = {**SUBRESOURCES, **ACCESS, **COMPONENT_STATUSES}
