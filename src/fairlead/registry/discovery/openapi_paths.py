"""All paths of the API with their operations, for either version of OpenAPI.

Names of operations, and which parameters each has, are those of upstream's documents. Source: apiserver
``pkg/endpoints/installer.go``.
"""

from collections.abc import Iterator
from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.resources import Resource, Subresource
from fairlead.registry.schemas.catalogue import type_of

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
STATUS, DELETE_OPTIONS, LIST_META = f"{_META}.Status", f"{_META}.DeleteOptions", f"{_META}.ListMeta"
_EVERYWHERE = "ForAllNamespaces"
_WRITING = ("dryRun", "fieldManager", "fieldValidation")
_SELECTING = ("continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "resourceVersionMatch")
_LISTING = ("allowWatchBookmarks", *_SELECTING, "sendInitialEvents", "timeoutSeconds", "watch")
_DELETING = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
# Parameters of queries -> their type.
PARAMETERS = {
    **dict.fromkeys((*_WRITING, *_LISTING, "propagationPolicy"), "string"),
    **dict.fromkeys(("allowWatchBookmarks", "orphanDependents", "sendInitialEvents", "watch", "force"), "boolean"),
    **dict.fromkeys(("gracePeriodSeconds", "limit", "timeoutSeconds"), "integer"),
}


PATCHES_OF_CUSTOM_KINDS = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
)
PATCHES = (*PATCHES_OF_CUSTOM_KINDS, "application/strategic-merge-patch+json")


class Operation(NamedTuple):
    """One method of a path.

    Attributes:
        action: ``x-kubernetes-action``.
        kind: group, version and kind of what it is about.
        body, result: names of types; empty where there is none, or none that is known.
        query: names of parameters.
        takes: the content types of a patch. Of custom kinds there are no types in Go, and so no strategic merge.
    """

    method: str
    action: str
    name: str
    kind: Doc
    body: str
    result: str
    query: tuple[str, ...]
    takes: tuple[str, ...] = ()


class Path(NamedTuple):
    """A path. ``parameters`` are the names in it."""

    url: str
    parameters: tuple[str, ...]
    operations: tuple[Operation, ...]


def prefix_of(row: Resource) -> str:
    """The path of the resources of a row's version: ``api/v1``, ``apis/apps/v1``."""
    return f"apis/{row.group_version}" if row.group else f"api/{row.version}"


def kind_of(row: Resource) -> Doc:
    """The group, version and kind of a row's objects."""
    return {"group": row.group, "version": row.version, "kind": row.kind}


def type_name(row: Resource) -> str:
    """The name of the type of a row's objects."""
    if row.defined:
        return ".".join((*reversed(row.group.split(".")), row.version, row.kind))
    group = row.group.split(".")[0] or "core"
    return type_of(row.group_version, row.kind) or f"io.k8s.api.{group}.{row.version}.{row.kind}"


def list_name(row: Resource) -> str:
    """The name of the type of a row's lists."""
    return f"{type_name(row).rpartition('.')[0]}.{row.list_kind}"


def side_type(row: Resource, side: Subresource) -> str:
    """The name of the type of a subresource's documents; empty when it is not known."""
    if not side.kind:
        return type_name(row)
    group = row.group if side.group is None else side.group
    version = side.version or row.version
    return type_of(f"{group}/{version}" if group else version, side.kind) or ""


def paths_of(row: Resource) -> Iterator[Path]:
    """The paths of a resource."""
    scope, inside = ("/namespaces/{namespace}", ("namespace",)) if row.namespaced else ("", ())
    url = f"/{prefix_of(row)}{scope}/{row.plural}"
    if row.namespaced and "list" in row.verbs:
        everywhere = _operation(row, "get", "list", _Content("", list_name(row), _LISTING), _EVERYWHERE)
        yield Path(f"/{prefix_of(row)}/{row.plural}", (), (everywhere,))
    yield Path(url, inside, tuple(_of_collection(row)))
    if "get" in row.verbs:
        yield Path(f"{url}/{{name}}", ("name", *inside), tuple(_of_object(row)))
    for side in row.subresources:
        yield Path(f"{url}/{{name}}/{side.name}", ("name", *inside), tuple(_of_side(row, side)))


def _of_collection(row: Resource) -> Iterator[Operation]:
    own, verbs = type_name(row), row.verbs
    if "list" in verbs:
        yield _operation(row, "get", "list", _Content("", list_name(row), _LISTING))
    if "create" in verbs:
        yield _operation(row, "post", "post", _Content(own, own, _WRITING))
    if "deletecollection" in verbs:
        query = tuple(dict.fromkeys((*_DELETING, *_SELECTING)))
        yield _operation(row, "delete", "deletecollection", _Content(DELETE_OPTIONS, STATUS, query))


def _of_object(row: Resource) -> Iterator[Operation]:
    own, verbs = type_name(row), row.verbs
    yield _operation(row, "get", "get", _Content("", own))
    if "update" in verbs:
        yield _operation(row, "put", "put", _Content(own, own, _WRITING))
    if "patch" in verbs:
        yield _operation(row, "patch", "patch", _Content("", own, (*_WRITING, "force")))
    if "delete" in verbs:
        yield _operation(row, "delete", "delete", _Content(DELETE_OPTIONS, STATUS, _DELETING))


# Verb of a subresource -> (method, action).
_OF_SIDES = {
    "create": ("post", "post"),
    "delete": ("delete", "delete"),
    "get": ("get", "get"),
    "patch": ("patch", "patch"),
    "update": ("put", "put"),
}


def _of_side(row: Resource, side: Subresource) -> Iterator[Operation]:
    own = side_type(row, side)
    group = row.group if side.group is None else side.group
    kind = {"group": group, "version": side.version or row.version, "kind": side.kind or row.kind}
    for verb in side.verbs:
        method, action = _OF_SIDES[verb]
        if not own:
            yield Operation(method, "connect", _name(row, f"connect{method.title()}", side.name), kind, "", "", ())
            continue
        is_write = method in ("post", "put")
        query = _WRITING if is_write or method == "patch" else ()
        content = _Content(own if is_write else "", "" if side.name == "log" else own, query)
        found = _operation(row, method, action, content, side.name.title())
        yield found._replace(kind=kind)


def _operation(row: Resource, method: str, action: str, content: "_Content", more: str = "") -> Operation:
    takes = (PATCHES_OF_CUSTOM_KINDS if row.defined else PATCHES) if method == "patch" else ()
    return Operation(method, action, _name(row, _VERBS[action], more), kind_of(row), *content, takes)


class _Content(NamedTuple):
    body: str
    result: str
    query: tuple[str, ...] = ()


# Action -> the verb in the names of operations.
_VERBS = {
    "delete": "delete",
    "deletecollection": "deleteCollection",
    "get": "read",
    "list": "list",
    "patch": "patch",
    "post": "create",
    "put": "replace",
}


def _name(row: Resource, verb: str, more: str) -> str:
    """Such as ``listCoreV1NamespacedPod``, ``readAppsV1NamespacedDeploymentScale``."""
    group = "".join(part.title() for part in (row.group.split(".")[0] or "core").split("-"))
    scope = "Namespaced" if row.namespaced and more != _EVERYWHERE else ""
    return f"{verb}{group}{row.version.title()}{scope}{row.kind}{more}"
