"""OpenAPI v3, one document for each group and version.

kubectl asks it two things: whether the PATCH of a kind takes ``fieldValidation`` (then the server validates, and
kubectl does not), and, for ``kubectl explain``, what the fields of a kind are. The bodies of PATCH do not offer a
strategic merge patch here, so that kubectl computes its patches by the merge keys it was built with, not by ours.
"""

import hashlib
from functools import lru_cache

import msgspec

from fairlead.model.document import Doc
from fairlead.model.kubernetes_version import KUBERNETES
from fairlead.registry.discovery.openapi_schemas import reference, schemas
from fairlead.registry.resources import Resource, ResourceTable
from fairlead.registry.schemas.catalogue import type_of

_FIELD_VALIDATION = {"name": "fieldValidation", "in": "query", "schema": {"type": "string", "uniqueItems": True}}
_DRY_RUN = {"name": "dryRun", "in": "query", "schema": {"type": "string", "uniqueItems": True}}
_PATH_PARAMETERS = {
    "namespace": {"name": "namespace", "in": "path", "required": True, "schema": {"type": "string"}},
    "name": {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}},
}
_METHODS = {"get": "get", "update": "put", "patch": "patch", "delete": "delete"}
_PATCH_TYPES = ("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml")


@lru_cache(maxsize=4)
def openapi_index(table: ResourceTable) -> bytes:
    """Where the documents are; the hash changes whenever a document does, so clients may keep them indefinitely."""
    paths = {}
    for name in dict.fromkeys(_prefix(row) for row in table.rows):
        body = openapi_document(name, table)
        assert body is not None
        digest = hashlib.sha256(body).hexdigest()[:32].upper()
        paths[name] = {"serverRelativeURL": f"/openapi/v3/{name}?hash={digest}"}
    return msgspec.json.encode({"paths": paths})


@lru_cache(maxsize=256)
def openapi_document(prefix: str, table: ResourceTable) -> bytes | None:
    """The document of ``api/v1`` or ``apis/<group>/<version>``; None for any other."""
    rows = [row for row in table.rows if _prefix(row) == prefix]
    if not rows:
        return None
    paths: Doc = {}
    for row in rows:
        paths[_url(row)] = _collection_path(row)
        paths[f"{_url(row)}/{{name}}"] = _object_path(row)
    document = {
        "openapi": "3.0.0",
        "info": {"title": "Fairlead", "version": KUBERNETES},
        "paths": paths,
        "components": {"schemas": _schemas(rows)},
    }
    return msgspec.json.encode(document)


def _prefix(row: Resource) -> str:
    return f"apis/{row.group_version}" if row.group else f"api/{row.version}"


def _url(row: Resource) -> str:
    scope = "/namespaces/{namespace}" if row.namespaced else ""
    return f"/{_prefix(row)}{scope}/{row.plural}"


def _gvk(row: Resource) -> Doc:
    return {"group": row.group, "version": row.version, "kind": row.kind}


def _collection_path(row: Resource) -> Doc:
    path: Doc = {"post": _operation(row, "post")}
    if row.namespaced:
        path["parameters"] = [_PATH_PARAMETERS["namespace"]]
    return path


def _object_path(row: Resource) -> Doc:
    path: Doc = {method: _operation(row, action) for action, method in _METHODS.items() if action in row.verbs}
    path["parameters"] = [_PATH_PARAMETERS[name] for name in (("namespace", "name") if row.namespaced else ("name",))]
    return path


def _operation(row: Resource, action: str) -> Doc:
    content = {"application/json": {"schema": reference(_type_name(row))}}
    operation: Doc = {
        "responses": {"200": {"description": "OK", "content": content}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(row),
    }
    if action == "patch":
        body = {"schema": {"type": "object"}}
        operation["requestBody"] = {"content": dict.fromkeys(_PATCH_TYPES, body), "required": True}
    elif action in ("post", "update"):
        operation["requestBody"] = {"content": content, "required": True}
    if action in ("post", "update", "patch"):
        operation["parameters"] = [_DRY_RUN, _FIELD_VALIDATION]
    return operation


def _type_name(row: Resource) -> str:
    if row.defined:
        return ".".join((*reversed(row.group.split(".")), row.version, row.kind))
    group = row.group.split(".")[0] or "core"
    return type_of(row.group_version, row.kind) or f"io.k8s.api.{group}.{row.version}.{row.kind}"


def _schemas(rows: list[Resource]) -> Doc:
    found = schemas(_type_name(row) for row in rows if not row.defined)
    found |= {_type_name(row): dict(row.defined.schema) for row in rows if row.defined}
    for row in rows:
        found[_type_name(row)]["x-kubernetes-group-version-kind"] = [_gvk(row)]
    return found
