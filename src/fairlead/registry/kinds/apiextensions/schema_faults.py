"""Faults that make a schema non-structural: each value needs a type, and pruning must be able to follow it.

Upstream: apiextensions-apiserver ``pkg/apiserver/schema/validation.go`` and the schema half of
``pkg/apis/apiextensions/validation``.
"""

import copy
from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid, not_supported, required
from fairlead.registry.kinds.apiextensions.rules import uncompiled_rules
from fairlead.registry.kinds.apiextensions.structural import EMBEDDED, PRESERVE, fill, prune
from fairlead.registry.kinds.apiextensions.values import INT_OR_STRING, compiled, value_faults

DEEPEST = 64  # levels of a schema
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_LIST_TYPES = ("atomic", "map", "set")
_NEVER = ("$ref", "definitions", "dependencies", "deprecated", "id", "patternProperties", "readOnly", "writeOnly")


def schema_faults(schema: Doc, path: str, known: frozenset[str] = frozenset()) -> Iterator[FieldError]:
    """The faults of the schema of a whole object; ``known`` are expressions of rules that are stored already."""
    if schema.get("type") != "object":
        wanted = schema.get("type", "")
        yield (
            invalid(f"{path}.type", wanted, "must be object at the root")
            if wanted
            else required(f"{path}.type", "must not be empty at the root")
        )
    yield from _below(schema, path, 0)
    yield from uncompiled_rules(schema, path, known)


def _faults(schema: Any, path: str, depth: int) -> Iterator[FieldError]:
    if not isinstance(schema, dict):
        yield invalid(path, schema, "must be an object")
        return
    if depth > DEEPEST:
        yield invalid(path, "", f"schemas deeper than {DEEPEST} levels are not supported")
        return
    yield from _type(schema, path)
    yield from _below(schema, path, depth)


def _type(schema: Doc, path: str) -> Iterator[FieldError]:
    type_ = schema.get("type")
    is_open = schema.get(INT_OR_STRING) or schema.get(PRESERVE)
    if not type_ and not is_open:
        yield required(f"{path}.type", "must not be empty for specified object fields")
    elif type_ and type_ not in _TYPES:
        yield not_supported(f"{path}.type", type_, _TYPES)
    if schema.get(EMBEDDED) and type_ != "object":
        yield invalid(f"{path}.type", type_ or "", f"must be object if {EMBEDDED} is true")


def _below(schema: Doc, path: str, depth: int) -> Iterator[FieldError]:
    yield from (forbidden(f"{path}.{field}", "must not be set") for field in _NEVER if schema.get(field))
    yield from _pattern(schema, path)
    yield from _list(schema, path)
    if schema.get("properties") and schema.get("additionalProperties"):
        yield forbidden(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
    for name, below in _object(schema.get("properties")).items():
        yield from _faults(below, f"{path}.properties[{name}]", depth + 1)
    for field in ("items", "additionalProperties"):
        if isinstance(schema.get(field), dict):
            yield from _faults(schema[field], f"{path}.{field}", depth + 1)
    yield from _default(schema, path)


def _object(value: Any) -> Doc:
    return value if isinstance(value, dict) else {}


def _pattern(schema: Doc, path: str) -> Iterator[FieldError]:
    if pattern := schema.get("pattern"):
        try:
            compiled(pattern)
        except ValueError as error:
            yield invalid(f"{path}.pattern", pattern, f"must be a valid regular expression, but isn't: {error}")


def _list(schema: Doc, path: str) -> Iterator[FieldError]:
    if schema.get("type") == "array" and not schema.get("items") and not schema.get(PRESERVE):
        yield required(f"{path}.items", "must be specified")
    kind = schema.get("x-kubernetes-list-type")
    if kind is not None and kind not in _LIST_TYPES:
        yield not_supported(f"{path}.x-kubernetes-list-type", kind, _LIST_TYPES)
    keys = schema.get("x-kubernetes-list-map-keys")
    if kind == "map" and not keys:
        yield required(f"{path}.x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map")
    if keys and kind != "map":
        yield invalid(f"{path}.x-kubernetes-list-type", kind, "must be map if x-kubernetes-list-map-keys is non-empty")


def _default(schema: Doc, path: str) -> Iterator[FieldError]:
    """A default must be valid by its own schema, in the form in which it would be stored."""
    if "default" not in schema or (schema["default"] is None and schema.get("nullable")):
        return
    value = copy.deepcopy(schema["default"])  # the definition keeps what its author wrote
    if isinstance(value, dict | list) and (unknown := prune_value(value, schema)):
        yield invalid(f"{path}.default", value, f"must not have unknown fields: {', '.join(unknown)}")
    fill(value, schema)
    yield from value_faults(value, {key: part for key, part in schema.items() if key != "default"}, f"{path}.default")


def prune_value(value: Any, schema: Doc) -> list[str]:
    """The fields of a value that its schema does not specify; they are taken out."""
    return prune({"value": value}, {"properties": {"value": schema}})
