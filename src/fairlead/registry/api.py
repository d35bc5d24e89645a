"""The whole API as one function: a request and a state go in, an answer comes out.

An answer is a document with, for writes, the step that has to be made durable before it is sent; or a watch to be
served; or another server that is to answer. Nothing here waits or does I/O. Refusals are raised as ``ApiError``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from fairlead.registry import bodies, field_errors, object_meta
from fairlead.registry.binding import bind
from fairlead.registry.deletes import delete, delete_options, delete_selected
from fairlead.registry.discovery import discover
from fairlead.registry.environment import Environment
from fairlead.registry.events_view import from_core, to_core
from fairlead.registry.fieldsets.ownership import APPLY, UPDATE, Application, Manager, apply_configuration
from fairlead.registry.lists import read_list
from fairlead.registry.patching import Patch, parse_patch
from fairlead.registry.pod_streams import pod_attach, pod_exec, pod_log, pod_port_forward
from fairlead.registry.proxying import pod_proxy, service_proxy
from fairlead.registry.requests import Request, Target, WriteOptions, parse_target, write_options
from fairlead.registry.resources import PROXY_VERBS, RESOURCES, STREAM_VERBS, Resource
from fairlead.registry.scale import scale_of, scaled
from fairlead.registry.schemas.catalogue import type_of
from fairlead.registry.schemas.decode import decode
from fairlead.registry.selectors import selection_of
from fairlead.registry.status import bad_request, invalid, method_not_allowed, not_found
from fairlead.registry.store import State, Step
from fairlead.registry.upstream import Upstream
from fairlead.registry.views import View, negotiate
from fairlead.registry.watches import Watch, begin_watch
from fairlead.registry.writes import Update, Written, create, update

Doc = dict[str, Any]

APPLY_PATCH = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Reply:
    """A finished answer.

    Attributes:
        step: what must be made durable before the answer is sent; None for reads.
        keep: a state that the client may ask for again, by a continue token.
        warnings: texts for ``Warning`` headers.
    """

    body: bytes
    code: int = 200
    content_type: str = "application/json"
    step: Step | None = None
    keep: State | None = None
    warnings: tuple[str, ...] = ()


Answer = Reply | Watch | Upstream


@dataclass(frozen=True)
class Call:
    """A request with its target found and the surroundings it is answered in.

    Attributes:
        state: for reads the latest durable state, for writes the latest of all.
        state_at: an earlier state by its version, if it is kept; 0 is the latest.
    """

    request: Request
    target: Target
    state: State
    state_at: Callable[[int], State | None]
    env: Environment

    @property
    def resource(self) -> Resource:
        return self.target.resource


def is_write(method: str) -> bool:
    return method not in ("GET", "HEAD")


def answer(request: Request, state: State, state_at: Callable[[int], State | None], env: Environment) -> Answer:
    """Answer any request of an authenticated user.

    Raises:
        ApiError: the request is refused.
    """
    if request.method == "GET":
        found = discover(request.path, request.accept)
        if found is not None:
            return Reply(found.body, content_type=found.content_type)
    target = parse_target(request.path)
    verb = _verb(request, target)
    allowed = target.subresource.verbs if target.subresource else target.resource.verbs
    if verb not in allowed:
        raise method_not_allowed()
    handler = _SUBRESOURCES.get((target.plural_with_subresource, verb)) or _VERBS[verb]
    return handler(Call(request, target, state, state_at, env))


# (method, whether the path names an object) -> verb
_VERB_OF = {
    ("GET", True): "get",
    ("PUT", True): "update",
    ("PATCH", True): "patch",
    ("DELETE", True): "delete",
    ("GET", False): "list",
    ("POST", False): "create",
    ("DELETE", False): "deletecollection",
}


def _verb(request: Request, target: Target) -> str:
    if request.method == "POST" and target.subresource:
        return "create"
    verb = _VERB_OF.get((request.method, bool(target.name)))
    if verb is None or (verb == "create" and target.resource.namespaced and not target.namespace):
        raise method_not_allowed()
    return "watch" if request.method == "GET" and not target.subresource and request.flag("watch") else verb


def _view(call: Call) -> View:
    return View(call.resource, negotiate(call.request.accept, call.request.query.get("includeObject", "")))


def _get(call: Call) -> Reply:
    view = _view(call)
    stored = call.state.get(call.resource.storage, call.target.key)
    if stored is None:
        raise not_found(call.resource.plural, call.target.name, call.resource.group)
    return Reply(view.one(stored.document, call.env.kinds, call.env.now))


def _list(call: Call) -> Reply:
    view = _view(call)
    selection = selection_of(call.request, call.target, call.env.kinds.strategy(call.resource).fields)
    page = read_list(call.request, selection, call.resource.storage, call.state_at)
    body = view.many(page.documents, dict(page.metadata), call.env.kinds, call.env.now)
    return Reply(body, keep=page.state)


def _watch(call: Call) -> Watch:
    view = _view(call)
    selection = selection_of(call.request, call.target, call.env.kinds.strategy(call.resource).fields)
    return begin_watch(call.request, selection, view, call.state)


def _create(call: Call) -> Reply:
    options = write_options(call.request)
    document = bodies.parse_object(call.request.body, call.request.content_type)
    document, warnings = _decoded(call, document, options)
    object_meta.tidy(document)
    document["metadata"].pop("managedFields", None)
    return _written(call, create(call.state, call.target, document, call.env, options.dry_run), warnings)


def _update(call: Call) -> Reply:
    options = write_options(call.request)
    document = bodies.parse_object(call.request.body, call.request.content_type)
    document, warnings = _decoded(call, document, options)
    manager = _manager(call, options, UPDATE)
    change = Update(lambda old: document, only_existing=False, dry_run=options.dry_run, manager=manager)
    return _written(call, update(call.state, call.target, change, call.env), warnings)


def _patch(call: Call) -> Reply:
    if bodies.media_type(call.request.content_type) == APPLY_PATCH and not call.resource.view_of:
        return _apply(call)
    options = write_options(call.request)
    type_name = type_of(call.resource.group_version, call.resource.kind) or ""
    patch = parse_patch(call.request.body, call.request.content_type, type_name)
    warnings: list[str] = []

    def apply(old: Doc) -> Doc:
        shown: Doc = msgspec.json.decode(from_core(msgspec.json.encode(old))) if call.resource.view_of else old
        document, found = _decoded(call, patch(shown), options, patched=True)
        warnings.extend(found)
        return document

    manager = _manager(call, options, UPDATE)
    change = Update(apply, only_existing=True, dry_run=options.dry_run, manager=manager)
    return _written(call, update(call.state, call.target, change, call.env), warnings)


def _manager(call: Call, options: WriteOptions, operation: str) -> Manager:
    subresource = call.target.subresource.name if call.target.subresource else ""
    return Manager(options.field_manager, operation, call.resource.group_version, subresource)


def _apply(call: Call) -> Reply:
    """Server-side apply: the body is all that its manager wants of the object, which need not exist yet."""
    options = write_options(call.request)
    configuration, warnings = _configuration(call, options)
    manager = _manager(call, options, APPLY)
    application = Application(manager, configuration, options.force, call.env.now)
    type_name = type_of(call.resource.group_version, call.resource.kind) or ""
    if call.state.get(call.resource.storage, call.target.key) is None and call.target.subresource is None:
        document = apply_configuration(type_name, None, application)
        return _written(call, create(call.state, call.target, document, call.env, options.dry_run), warnings)

    def apply(old: Doc) -> Doc:
        return apply_configuration(type_name, old, application)

    change = Update(apply, only_existing=True, dry_run=options.dry_run, manager=manager)
    return _written(call, update(call.state, call.target, change, call.env), warnings)


def _configuration(call: Call, options: WriteOptions) -> tuple[Doc, list[str]]:
    request, target = call.request, call.target
    if not request.query.get("fieldManager"):
        fault = field_errors.required("fieldManager", "is required for apply patch")
        raise invalid("PatchOptions", "", [fault], "meta.k8s.io")
    document, warnings = _decoded(call, bodies.parse_object(request.body, request.content_type), options, patched=True)
    object_meta.tidy(document)
    metadata = document["metadata"]
    if metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    object_meta.check_name(metadata, target.name)
    object_meta.check_namespace(metadata, target.namespace)
    # Each side of an object is applied through its own path.
    if target.subresource:
        document = {name: value for name, value in document.items() if name not in ("spec", "data")}
    elif call.resource.subresource("status"):
        document.pop("status", None)
    return document, warnings


def _delete(call: Call) -> Reply:
    options = delete_options(call.request)
    done = delete(call.state, call.target, options, call.env)
    if b'"kind":"Status"' in done.document[:20]:
        return Reply(done.document, step=done.step)
    return Reply(_view(call).one(done.document, call.env.kinds, call.env.now), step=done.step)


def _delete_collection(call: Call) -> Reply:
    options = delete_options(call.request)
    view = _view(call)
    selection = selection_of(call.request, call.target, call.env.kinds.strategy(call.resource).fields)
    objects = call.state.of(call.resource.storage)
    targets = [Target(call.resource, *key) for key in sorted(objects) if selection.wants(key, objects[key])]
    step, shown = delete_selected(call.state, targets, options, call.env)
    metadata = {"resourceVersion": str(step.state.version)}
    return Reply(view.many(shown, metadata, call.env.kinds, call.env.now), step=step)


def _bind(call: Call) -> Reply:
    options = write_options(call.request)
    document = bodies.parse_object(call.request.body, call.request.content_type)
    body, step = bind(call.state, call.target, document, call.env, options.dry_run)
    return Reply(body, 201, step=step)


def _get_scale(call: Call) -> Reply:
    return Reply(msgspec.json.encode(scale_of(_document(call))))


def _write_scale(call: Call) -> Reply:
    options = write_options(call.request)
    replacement = _scale_change(call.request)

    def apply(old: Doc) -> Doc:
        scale = replacement(scale_of(old))
        bodies.check_kind(scale, "autoscaling/v1", "Scale")
        return scaled(old, decode("autoscaling/v1", "Scale", scale).document)

    target = replace(call.target, subresource=None)
    manager = _manager(call, options, UPDATE)
    change = Update(apply, only_existing=True, dry_run=options.dry_run, manager=manager)
    written = update(call.state, target, change, call.env)
    return Reply(msgspec.json.encode(scale_of(msgspec.json.decode(written.document))), step=written.step)


def _scale_change(request: Request) -> Patch:
    if request.method == "PATCH":
        return parse_patch(request.body, request.content_type, type_of("autoscaling/v1", "Scale") or "")
    wanted = bodies.parse_object(request.body, request.content_type)
    return lambda scale: wanted


def _document(call: Call) -> Doc:
    stored = call.state.get(call.resource.storage, call.target.key)
    if stored is None:
        raise not_found(call.resource.plural, call.target.name, call.resource.group)
    document: Doc = msgspec.json.decode(stored.document)
    return document


def _log(call: Call) -> Answer:
    return pod_log(call.request, call.target, call.state) or Reply(b"", content_type="text/plain")


def _service_proxy(call: Call) -> Answer:
    return service_proxy(call.request, call.target, call.state, call.env.choose)


def _decoded(call: Call, document: Doc, options: WriteOptions, patched: bool = False) -> tuple[Doc, list[str]]:
    """The document of a write as it is stored, and warnings about fields that it does not have."""
    resource = call.resource
    bodies.check_kind(document, resource.group_version, resource.kind)
    bodies.check_depth(document)
    document, unknown = decode(resource.group_version, resource.kind, document)
    faults = list(unknown)
    if (
        not patched
        and options.field_validation != "Ignore"
        and bodies.media_type(call.request.content_type) == bodies.JSON
    ):
        faults += bodies.duplicate_fields(call.request.body)
    if faults and options.field_validation == "Strict":
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
            f"strict decoding error: {', '.join(faults)}"
        )
    if resource.view_of:
        document = to_core(document)
    return document, faults if options.field_validation == "Warn" else []


def _written(call: Call, written: Written, warnings: Sequence[str]) -> Reply:
    body = _view(call).one(written.document, call.env.kinds, call.env.now)
    code = 201 if written.created else 200
    return Reply(body, code, step=written.step, warnings=(*warnings, *written.warnings))


_Handler = Callable[[Call], Answer]


def _for_verbs(subresource: str, verbs: Sequence[str], handler: _Handler) -> dict[tuple[str, str], _Handler]:
    return {(subresource, verb): handler for verb in verbs}


_VERBS: dict[str, _Handler] = {
    "get": _get,
    "list": _list,
    "watch": _watch,
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
    "deletecollection": _delete_collection,
}

_SUBRESOURCES: dict[tuple[str, str], _Handler] = {
    ("pods/binding", "create"): _bind,
    ("pods/log", "get"): _log,
    **_for_verbs("pods/exec", STREAM_VERBS, lambda call: pod_exec(call.request, call.target, call.state)),
    **_for_verbs("pods/attach", STREAM_VERBS, lambda call: pod_attach(call.request, call.target, call.state)),
    **_for_verbs("pods/portforward", STREAM_VERBS, lambda call: pod_port_forward(call.target, call.state)),
    **_for_verbs("pods/proxy", PROXY_VERBS, lambda call: pod_proxy(call.request, call.target, call.state)),
    **_for_verbs("services/proxy", PROXY_VERBS, _service_proxy),
    **{
        (f"{row.plural}/scale", verb): _get_scale if verb == "get" else _write_scale
        for row in RESOURCES
        if row.subresource("scale")
        for verb in ("get", "update", "patch")
    },
}
