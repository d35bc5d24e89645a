"""Faults that make a schema non-structural: each value needs a type, and pruning must be able to follow it.

The faults of rules are told only of schemas that have no others. Upstream: apiextensions-apiserver
``pkg/apiserver/schema/validation.go`` and the schema half of ``pkg/apis/apiextensions/validation``.
"""

import copy
from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc, as_object
from fairlead.registry.field_errors import FieldError, forbidden, invalid, not_supported, required
from fairlead.registry.kinds.apiextensions.list_faults import list_faults
from fairlead.registry.kinds.apiextensions.nested_faults import incomplete_conditions, nested_faults
from fairlead.registry.kinds.apiextensions.rule_checks import uncompiled_rules
from fairlead.registry.kinds.apiextensions.structural import fill, prune
from fairlead.registry.kinds.apiextensions.values import compiled, value_faults
from fairlead.registry.schemas.extensions import EMBEDDED, INT_OR_STRING, PRESERVE

DEEPEST = 64  # levels of a schema
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_OF_METADATA = {"type", "default", "properties"}
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
    found = [*_below(schema, path, 0), *_root(schema, path)]
    yield from found or uncompiled_rules(schema, path, known)


def _root(schema: Doc, path: str) -> Iterator[FieldError]:
    """Of a whole object, names and versions are the server's own; a schema may only restrict its name."""
    if schema.get("additionalProperties"):
        yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
    if schema.get("nullable"):
        yield forbidden(f"{path}.nullable", "nullable cannot be true at the root")
    yield from _object_fields(schema, path)
    metadata = as_object(as_object(schema.get("properties")).get("metadata"))
    others = {name for name, value in metadata.items() if value} - _OF_METADATA
    if others or as_object(metadata.get("properties")).keys() - {"name", "generateName"}:
        why = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        yield forbidden(f"{path}.properties[metadata]", why)
    yield from incomplete_conditions(schema, path)


def _object_fields(schema: Doc, path: str) -> Iterator[FieldError]:
    """The fields that every object has, an embedded one too."""
    properties = as_object(schema.get("properties"))
    for name, type_ in (("apiVersion", "string"), ("kind", "string"), ("metadata", "object")):
        if name in properties and (found := as_object(properties[name]).get("type", "")) != type_:
            yield invalid(f"{path}.properties[{name}].type", found, f"must be {type_}")


def _faults(schema: Any, path: str, depth: int, what: str = "object fields") -> Iterator[FieldError]:
    if not isinstance(schema, dict):
        yield invalid(path, schema, "must be an object")
        return
    if depth > DEEPEST:
        yield invalid(path, "", f"schemas deeper than {DEEPEST} levels are not supported")
        return
    yield from _type(schema, path, what)
    yield from _below(schema, path, depth)
    if schema.get(EMBEDDED):
        yield from _embedded(schema, path)


def _type(schema: Doc, path: str, what: str) -> Iterator[FieldError]:
    type_ = schema.get("type")
    is_open = schema.get(INT_OR_STRING) or schema.get(PRESERVE) or schema.get(EMBEDDED)
    if not type_ and not is_open:
        yield required(f"{path}.type", f"must not be empty for specified {what}")
    elif type_ and type_ not in _TYPES:
        yield not_supported(f"{path}.type", type_, _TYPES)
    if schema.get(INT_OR_STRING):
        for extension in (PRESERVE, EMBEDDED):
            if schema.get(extension):
                yield invalid(f"{path}.{extension}", True, f"must be false if {INT_OR_STRING} is true")


def _embedded(schema: Doc, path: str) -> Iterator[FieldError]:
    if (type_ := schema.get("type")) != "object":
        why = f"must be object if {EMBEDDED} is true"
        yield invalid(f"{path}.type", type_, why) if type_ else required(f"{path}.type", why)
    if schema.get("additionalProperties"):
        yield forbidden(f"{path}.additionalProperties", f"must not be used if {EMBEDDED} is set")
    if not schema.get("properties") and not schema.get(PRESERVE):
        why = f"must not be empty if {EMBEDDED} is true without {PRESERVE}"
        yield required(f"{path}.properties", why)
    yield from _object_fields(schema, path)


def _below(schema: Doc, path: str, depth: int) -> Iterator[FieldError]:
    yield from (forbidden(f"{path}.{field}", "must not be set") for field in _NEVER if schema.get(field))
    yield from _pattern(schema, path)
    if schema.get("type") == "array" and not schema.get("items"):
        yield required(f"{path}.items", "must be specified")
    if schema.get("uniqueItems"):
        why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(f"{path}.uniqueItems", why)
    yield from list_faults(schema, path)
    yield from nested_faults(schema, path)
    if schema.get("properties") and schema.get("additionalProperties"):
        yield forbidden(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
    for name, below in as_object(schema.get("properties")).items():
        yield from _faults(below, f"{path}.properties[{name}]", depth + 1)
    for field, what in (("items", "array items"), ("additionalProperties", "object fields")):
        if isinstance(schema.get(field), dict):
            yield from _faults(schema[field], f"{path}.{field}", depth + 1, what)
    yield from _default(schema, path)


def _pattern(schema: Doc, path: str) -> Iterator[FieldError]:
    if pattern := schema.get("pattern"):
        try:
            compiled(pattern)
        except ValueError as error:
            yield invalid(f"{path}.pattern", pattern, f"must be a valid regular expression, but isn't: {error}")


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
