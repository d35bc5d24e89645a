"""JSON values as expressions have them: with the names that their fields have, or by the schema of a custom kind.

By a schema, names of fields are spelled out, while keys of maps are as they are, and strings of some formats are times,
durations or bytes. Upstream: apiserver ``pkg/cel/common/values.go``.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from celpy import celtypes

from fairlead.model.document import Doc
from fairlead.registry.cel.field_names import escaped


def plain(value: Any) -> Any:
    """A JSON value. What is no JSON value is one of expressions already, or none at all."""
    if isinstance(value, celtypes.MapType | celtypes.ListType):
        return value
    if isinstance(value, dict):
        return celtypes.MapType({celtypes.StringType(name): plain(item) for name, item in value.items()})
    if isinstance(value, list):
        return celtypes.ListType([plain(item) for item in value])
    made = _SCALARS.get(type(value))
    return made(value) if made else value


_SCALARS: dict[type, Any] = {
    bool: celtypes.BoolType,
    int: celtypes.IntType,
    float: celtypes.DoubleType,
    str: celtypes.StringType,
}


def by_schema(value: Any, schema: Doc) -> Any:
    """A JSON value of a custom kind, of which this is the schema."""
    if isinstance(value, dict):
        return _object(value, schema)
    if isinstance(value, list):
        return celtypes.ListType([by_schema(item, schema.get("items") or {}) for item in value])
    if isinstance(value, str) and (read := _FORMATS.get(schema.get("format", ""))):
        try:
            return read(value)
        except (ValueError, binascii.Error):
            return celtypes.StringType(value)
    if schema.get("type") == "number" and isinstance(value, int):
        return celtypes.DoubleType(value)
    return plain(value)


def _object(value: Doc, schema: Doc) -> Any:
    fields, others = schema.get("properties") or {}, schema.get("additionalProperties")
    if isinstance(others, dict):
        items = {name: by_schema(item, others) for name, item in value.items()}
    else:
        items = {escaped(name): by_schema(item, fields.get(name) or {}) for name, item in value.items()}
    return celtypes.MapType({celtypes.StringType(name): item for name, item in items.items()})


_FORMATS: dict[str, Callable[[str], Any]] = {
    "byte": lambda text: celtypes.BytesType(base64.b64decode(text, validate=True)),
    "duration": celtypes.DurationType,
    "date": lambda text: celtypes.TimestampType(f"{text}T00:00:00Z"),
    "date-time": celtypes.TimestampType,
}
