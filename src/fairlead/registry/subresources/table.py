"""Requests on subresources that are no objects: binding, scale, logs and streams, proxies."""

from collections.abc import Sequence

import msgspec

from fairlead.model.document import Doc, as_object
from fairlead.registry.defined_kind import ScalePaths
from fairlead.registry.documents import bodies
from fairlead.registry.documents.managed_fields.entries import UPDATE
from fairlead.registry.documents.patching import Patch, parse_patch
from fairlead.registry.environment import Write
from fairlead.registry.field_errors import required
from fairlead.registry.requests import Request, RequestTarget, write_options
from fairlead.registry.resources import BY_PATH, PROXY_VERBS, RESOURCES, STREAM_VERBS
from fairlead.registry.schemas.catalogue import type_of
from fairlead.registry.schemas.decode import decode
from fairlead.registry.status import invalid
from fairlead.registry.subresources.binding import bind
from fairlead.registry.subresources.eviction import evict
from fairlead.registry.subresources.pod_streams import pod_attach, pod_exec, pod_log, pod_port_forward
from fairlead.registry.subresources.proxy import node_proxy, pod_proxy, service_proxy
from fairlead.registry.subresources.scale import scale_of, scaled
from fairlead.registry.verbs.call import Answer, Call, Handler, Reply
from fairlead.registry.verbs.decoding import manager_of
from fairlead.registry.verbs.deletion import eviction_options
from fairlead.registry.verbs.generic_store import ObjectUpdate, update

_PODS = BY_PATH["", "v1", "pods"]


def _bind(call: Call) -> Reply:
    document = bodies.parse_object(call.request.body, call.request.content_type)
    return _bound(call, call.target, document)


def _bind_named(call: Call) -> Reply:
    """A Binding on its own, which has the name of its Pod: upstream's ``legacyBinding``."""
    document = bodies.parse_object(call.request.body, call.request.content_type)
    bodies.check_kind(document, "v1", "Binding")
    name = str(as_object(document.get("metadata")).get("name") or "")
    if not name:
        raise invalid("Binding", "", [required("metadata.name", "name or generateName is required")])
    return _bound(call, RequestTarget(_PODS, call.target.namespace, name, _PODS.subresource("binding")), document)


def _bound(call: Call, target: RequestTarget, document: Doc) -> Reply:
    options = write_options(call.request)
    body, step = bind(call.state, target, document, call.env, options.dry_run)
    return Reply(body, 201, step=step)


def _evict(call: Call) -> Reply:
    document = bodies.parse_object(call.request.body, call.request.content_type)
    options = eviction_options(call.request, document)
    body, step = evict(call.state, call.target, document, options, call.env)
    return Reply(body, 201, step=step)


def _paths(call: Call) -> ScalePaths | None:
    return call.resource.defined.scale if call.resource.defined else None


def get_scale(call: Call) -> Reply:
    return Reply(msgspec.json.encode(scale_of(msgspec.json.decode(call.presented()), _paths(call))))


def write_scale(call: Call) -> Reply:
    options = write_options(call.request)
    replacement, paths = _scale_change(call.request), _paths(call)

    def apply(old: Doc) -> Doc:
        before = scale_of(old, paths)
        scale = replacement(before)
        bodies.check_kind(scale, "autoscaling/v1", "Scale")
        decoded = decode("autoscaling/v1", "Scale", scale).document
        wanted = call.env.admitted(Write(call.state, call.target, decoded, before, options.dry_run))
        return scaled(old, wanted, paths)

    target = call.target._replace(subresource=None)
    manager = manager_of(call, options, UPDATE)
    change = ObjectUpdate(apply, only_existing=True, dry_run=options.dry_run, manager=manager)
    written = update(call.state, target, change, call.env.unguarded)
    return Reply(msgspec.json.encode(scale_of(msgspec.json.decode(written.document), paths)), step=written.step)


def _scale_change(request: Request) -> Patch:
    if request.method == "PATCH":
        return parse_patch(request.body, request.content_type, type_of("autoscaling/v1", "Scale") or "")
    wanted = bodies.parse_object(request.body, request.content_type)
    return lambda scale: wanted


def _log(call: Call) -> Answer:
    return pod_log(call.request, call.target, call.state, call.env.cluster) or Reply(b"", content_type="text/plain")


def _service_proxy(call: Call) -> Answer:
    return service_proxy(call.request, call.target, call.state, call.env.choose, call.env.cluster)


def _for_verbs(subresource: str, verbs: Sequence[str], handler: Handler) -> dict[tuple[str, str], Handler]:
    return {(subresource, verb): handler for verb in verbs}


SUBRESOURCES: dict[tuple[str, str], Handler] = {
    ("bindings", "create"): _bind_named,
    ("pods/binding", "create"): _bind,
    ("pods/eviction", "create"): _evict,
    ("pods/log", "get"): _log,
    **_for_verbs(
        "pods/exec", STREAM_VERBS, lambda call: pod_exec(call.request, call.target, call.state, call.env.cluster)
    ),
    **_for_verbs(
        "pods/attach", STREAM_VERBS, lambda call: pod_attach(call.request, call.target, call.state, call.env.cluster)
    ),
    **_for_verbs(
        "pods/portforward",
        STREAM_VERBS,
        lambda call: pod_port_forward(call.request, call.target, call.state, call.env.cluster),
    ),
    **_for_verbs(
        "pods/proxy",
        (*PROXY_VERBS, ""),
        lambda call: pod_proxy(call.request, call.target, call.state, call.env.cluster),
    ),
    **_for_verbs(
        "nodes/proxy",
        (*PROXY_VERBS, ""),
        lambda call: node_proxy(call.request, call.target, call.state, call.env.cluster),
    ),
    **_for_verbs("services/proxy", (*PROXY_VERBS, ""), _service_proxy),
    **{
        (f"{row.plural}/scale", verb): get_scale if verb == "get" else write_scale
        for row in RESOURCES
        if row.subresource("scale")
        for verb in ("get", "update", "patch")
    },
}

# Those of kinds that users define, whose names may be those of built-in kinds.
OF_CUSTOM_KINDS: dict[tuple[str, str], Handler] = {
    ("scale", "get"): get_scale,
    **_for_verbs("scale", ("update", "patch"), write_scale),
}
