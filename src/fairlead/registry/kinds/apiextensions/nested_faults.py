"""Faults of what stands below ``allOf``, ``anyOf``, ``oneOf`` and ``not`` in a schema: only conditions on values.

Types, defaults and how a list is merged belong to the schema around them: pruning and defaulting do not look below.
Upstream: apiextensions-apiserver ``pkg/apiserver/schema/{validation,complete}.go``.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, required
from fairlead.registry.schemas.extensions import (
    EMBEDDED,
    INT_OR_STRING,
    KEYS,
    LIST_TYPE,
    MAP_TYPE,
    PRESERVE,
    RULES,
)

_JUNCTORS = ("allOf", "anyOf", "oneOf")
_TWO_TYPES = [{"type": "integer"}, {"type": "string"}]
# Field that a condition must not have -> the value that counts as none.
_FOREIGN = {
    "type": "empty",
    "additionalProperties": "undefined",
    "default": "undefined",
    "title": "empty",
    "description": "empty",
    "nullable": "false",
    "externalDocs": "undefined",
    PRESERVE: "false",
    EMBEDDED: "false",
    INT_OR_STRING: "false",
    KEYS: "empty",
    LIST_TYPE: "undefined",
    MAP_TYPE: "undefined",
    RULES: "empty",
}


def nested_faults(schema: Doc, path: str) -> Iterator[FieldError]:
    """The faults of the conditions of a schema, without those of the fields and elements that it specifies."""
    for part, below in _conditions(schema, path):
        yield from _condition_faults(part, below)


def incomplete_conditions(schema: Doc, path: str) -> Iterator[FieldError]:
    """The fields that a condition of a whole object is about and that its schema does not specify."""
    yield from _incomplete(schema, schema, path, path)


def _conditions(schema: Doc, path: str) -> Iterator[tuple[Doc, str]]:
    """The conditions next to what a schema specifies; "an integer or a string" may be written as one, too."""
    for junctor in _JUNCTORS:
        parts = schema.get(junctor) or []
        if junctor != "anyOf" or parts != _TWO_TYPES:
            yield from ((part, f"{path}.{junctor}[{index}]") for index, part in enumerate(parts) if _is_schema(part))
    if _is_schema(schema.get("not")):
        yield schema["not"], f"{path}.not"


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict)


def _parts(condition: Doc, path: str) -> Iterator[tuple[Doc, str]]:
    """Everything below a condition: those in it, and those of fields and elements."""
    yield from _conditions(condition, path)
    if _is_schema(condition.get("items")):
        yield condition["items"], f"{path}.items"
    for name, below in (condition.get("properties") or {}).items():
        if _is_schema(below):
            yield below, f"{path}.properties[{name}]"


def _condition_faults(condition: Doc, path: str) -> Iterator[FieldError]:
    for field, nothing in _FOREIGN.items():
        value = condition.get(field)
        if value or (field == "default" and value is not None):
            yield forbidden(f"{path}.{field}", f"must be {nothing} to be structural")
    if "metadata" in (condition.get("properties") or {}):
        yield forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")
    for part, below in _parts(condition, path):
        yield from _condition_faults(part, below)


def _incomplete(condition: Doc, schema: Doc, at: str, path: str) -> Iterator[FieldError]:
    """``at`` is the path of the schema, ``path`` that of the condition."""
    for part, below in _conditions(condition, path):
        yield from _incomplete_fields(part, schema, at, below)


def _incomplete_fields(condition: Doc, schema: Doc, at: str, path: str) -> Iterator[FieldError]:
    yield from _incomplete(condition, schema, at, path)
    fields, known = condition.get("properties") or {}, schema.get("properties") or {}
    pairs = [(f"properties[{name}]", each, known.get(name)) for name, each in fields.items()]
    if "items" in condition:
        pairs.append(("items", condition["items"], schema.get("items")))
    for place, part, specified in pairs:
        if not isinstance(specified, dict):
            yield required(f"{at}.{place}", f"because it is defined in {path}.{place}")
        elif _is_schema(part):
            yield from _incomplete_fields(part, specified, f"{at}.{place}", f"{path}.{place}")
