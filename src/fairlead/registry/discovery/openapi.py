"""OpenAPI v3, one document for each group and version.

kubectl asks it two things: whether the PATCH of a kind takes ``fieldValidation`` (then the server validates, and
kubectl does not), and, for ``kubectl explain``, what the fields of a kind are.
"""

import hashlib
from functools import lru_cache

import msgspec

from fairlead.model.document import Doc
from fairlead.model.kubernetes_version import KUBERNETES
from fairlead.registry.discovery.openapi_custom import OBJECT_META, whole_schema
from fairlead.registry.discovery.openapi_paths import (
    DELETE_OPTIONS,
    LIST_META,
    PARAMETERS,
    STATUS,
    Operation,
    Path,
    kind_of,
    list_name,
    paths_of,
    prefix_of,
    side_type,
    type_name,
)
from fairlead.registry.discovery.openapi_schemas import list_schema, reference, schemas
from fairlead.registry.resources import Resource, ResourceTable


@lru_cache(maxsize=4)
def openapi_index(table: ResourceTable) -> bytes:
    """The URLs of the documents; the hash changes whenever a document does, so clients may cache them indefinitely."""
    paths = {}
    for name in dict.fromkeys(prefix_of(row) for row in table.rows):
        body = openapi_document(name, table)
        assert body is not None
        digest = hashlib.sha256(body).hexdigest()[:32].upper()
        paths[name] = {"serverRelativeURL": f"/openapi/v3/{name}?hash={digest}"}
    return msgspec.json.encode({"paths": paths})


@lru_cache(maxsize=256)
def openapi_document(prefix: str, table: ResourceTable) -> bytes | None:
    """The document of ``api/v1`` or ``apis/<group>/<version>``; None for any other."""
    rows = [row for row in table.rows if prefix_of(row) == prefix]
    if not rows:
        return None
    document = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": f"v{KUBERNETES}"},
        "paths": {path.url: _path(path) for row in rows for path in paths_of(row)},
        "components": {"schemas": _schemas(rows)},
    }
    return msgspec.json.encode(document)


def _path(path: Path) -> Doc:
    found: Doc = {operation.method: _operation(operation) for operation in path.operations}
    if path.parameters:
        found["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "uniqueItems": True}}
            for name in path.parameters
        ]
    return found


def _operation(operation: Operation) -> Doc:
    answer = reference(operation.result) if operation.result else {"type": "string"}
    found: Doc = {
        "operationId": operation.name,
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": answer}}}},
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": operation.kind,
    }
    if operation.method == "patch":
        body = {"schema": {"type": "object"}}
        found["requestBody"] = {"content": dict.fromkeys(operation.takes, body), "required": True}
    elif operation.body:
        content = {"application/json": {"schema": reference(operation.body)}}
        found["requestBody"] = {"content": content, "required": operation.body != DELETE_OPTIONS}
    if operation.query:
        found["parameters"] = [
            {"name": name, "in": "query", "schema": {"type": PARAMETERS[name], "uniqueItems": True}}
            for name in operation.query
        ]
    return found


def _schemas(rows: list[Resource]) -> Doc:
    found = schemas(sorted(types_of(rows)))
    found |= {type_name(row): whole_schema(row.defined.schema) for row in rows if row.defined}
    for row in rows:
        found[type_name(row)]["x-kubernetes-group-version-kind"] = [kind_of(row)]
        if "list" in row.verbs:
            kind = {**kind_of(row), "kind": row.list_kind}
            found[list_name(row)] = {**list_schema(type_name(row)), "x-kubernetes-group-version-kind": [kind]}
    return found


def types_of(rows: list[Resource]) -> set[str]:
    """The types of the catalogue that operations on these resources name."""
    own = {type_name(row) for row in rows if not row.defined}
    sides = {side_type(row, side) for row in rows for side in row.subresources if side.kind or not row.defined}
    meta = {OBJECT_META} if any(row.defined for row in rows) else set()
    return {DELETE_OPTIONS, LIST_META, STATUS} | meta | own | sides - {""}
