"""OpenAPI v2: one document of the whole API, as JSON and in protobuf."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.model.kubernetes_version import KUBERNETES
from fairlead.registry.discovery.openapi import types_of
from fairlead.registry.discovery.openapi_custom import whole_schema
from fairlead.registry.discovery.openapi_paths import (
    DELETE_OPTIONS,
    PARAMETERS,
    Operation,
    Path,
    kind_of,
    list_name,
    paths_of,
    type_name,
)
from fairlead.registry.discovery.openapi_schemas import list_schema, schemas
from fairlead.registry.discovery.openapi_v2_wire import encoded
from fairlead.registry.resources import ResourceTable

PATH = "/openapi/v2"
# The media type in requests has an @, which is invalid; in the answer clients require a valid one.
ACCEPTED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_V3, _V2 = "#/components/schemas/", "#/definitions/"
# Keywords of version 3's schemas that version 2 does not have.
_NOT_IN_V2 = frozenset({"allOf", "anyOf", "not", "nullable", "oneOf"})


@lru_cache(maxsize=1)
def openapi_v2_protobuf(table: ResourceTable) -> bytes:
    """The document in protobuf (gnostic's ``OpenAPIv2.proto``)."""
    return encoded(_document(table))


@lru_cache(maxsize=1)
def openapi_v2_json(table: ResourceTable) -> bytes:
    """The document in JSON."""
    return msgspec.json.encode(_document(table))


def _document(table: ResourceTable) -> Doc:
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": f"v{KUBERNETES}"},
        "paths": {path.url: _path(path) for row in table.rows for path in paths_of(row)},
        "definitions": _definitions(table),
    }


def _definitions(table: ResourceTable) -> Doc:
    rows = list(table.rows)
    found = {name: _as_v2(schema) for name, schema in sorted(schemas(sorted(types_of(rows))).items())}
    found |= {type_name(row): _as_v2(whole_schema(row.defined.schema)) for row in rows if row.defined}
    for row in rows:
        known = found[type_name(row)].setdefault("x-kubernetes-group-version-kind", [])
        known.append(kind_of(row))
        if "list" in row.verbs:
            kind = {**kind_of(row), "kind": row.list_kind}
            found[list_name(row)] = {**_as_v2(list_schema(type_name(row))), "x-kubernetes-group-version-kind": [kind]}
    return found


def _as_v2(schema: Doc) -> Doc:
    """A schema of version 3 as version 2 has it. A reference that has a description beside it stands in an ``allOf``
    there, and alone here."""
    parts: list[Doc] = schema.get("allOf") or []
    lone = parts[0] if len(parts) == 1 and "$ref" in parts[0] else {}
    merged = {**{key: value for key, value in schema.items() if key not in _NOT_IN_V2}, **lone}
    if "oneOf" in schema:  # an integer or a string, or a quantity
        merged.setdefault("type", "string")
    return {key: _PARTS[key](value) if key in _PARTS else value for key, value in merged.items()}


def _or_boolean(value: Any) -> Any:
    return value if isinstance(value, bool) else _as_v2(value)


# Keywords with references, and with nested schemas.
_PARTS: dict[str, Callable[[Any], Any]] = {
    "$ref": lambda text: text.replace(_V3, _V2),
    "additionalProperties": _or_boolean,
    "items": _as_v2,
    "properties": lambda fields: {name: _as_v2(field) for name, field in fields.items()},
}


def _path(path: Path) -> Doc:
    found: Doc = {operation.method: _operation(operation) for operation in path.operations}
    if path.parameters:
        found["parameters"] = [
            {"name": name, "in": "path", "required": True, "type": "string", "uniqueItems": True}
            for name in path.parameters
        ]
    return found


def _operation(operation: Operation) -> Doc:
    answer = {"$ref": f"{_V2}{operation.result}"} if operation.result else {"type": "string"}
    parameters: list[Doc] = []
    if operation.method == "patch":
        parameters.append({"name": "body", "in": "body", "required": True, "schema": {"type": "object"}})
    elif operation.body:
        body = {"$ref": f"{_V2}{operation.body}"}
        is_needed = operation.body != DELETE_OPTIONS
        parameters.append({"name": "body", "in": "body", "required": is_needed, "schema": body})
    parameters += [
        {"name": name, "in": "query", "type": PARAMETERS[name], "uniqueItems": True} for name in operation.query
    ]
    consumed = operation.takes or ("*/*",)
    return {
        "operationId": operation.name,
        "consumes": list(consumed),
        "produces": ["application/json"],
        "schemes": ["https"],
        "parameters": parameters,
        "responses": {"200": {"description": "OK", "schema": answer}, "401": {"description": "Unauthorized"}},
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": operation.kind,
    }
