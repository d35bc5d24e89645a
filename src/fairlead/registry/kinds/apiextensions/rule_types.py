"""What rules of a custom kind know of their values before there are any: types by the schema.

What no schema specifies cannot be used in rules: fields that are only preserved, and of metadata all but the names.
Upstream: apiserver ``pkg/cel/common/schemas.go``.
"""

from collections.abc import Mapping

from fairlead.model.document import Doc
from fairlead.registry.cel.field_names import escaped
from fairlead.registry.cel.static_types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    StaticType,
    list_of,
    map_of,
    struct_of,
)
from fairlead.registry.schemas.extensions import EMBEDDED, INT_OR_STRING

_SCALARS = {"string": STRING, "boolean": BOOL, "number": DOUBLE, "integer": INT}
_FORMATS = {"byte": BYTES, "duration": DURATION, "date": TIMESTAMP, "date-time": TIMESTAMP}
_METADATA = struct_of({"name": STRING, "generateName": STRING})
_OF_EVERY_OBJECT = {"apiVersion": STRING, "kind": STRING, "metadata": _METADATA}


def names_of(schema: Doc, rule: Doc, is_whole: bool) -> Mapping[str, StaticType]:
    """The names that a rule of a schema knows; ``is_whole`` of that of a whole object."""
    found = _type(schema, is_whole) or DYN
    return {"self": found, "oldSelf": DYN if rule.get("optionalOldSelf") else found}


def _type(schema: Doc, is_whole: bool) -> StaticType | None:
    """None for what rules cannot use."""
    if schema.get(INT_OR_STRING):
        return DYN
    match schema.get("type"):
        case "array":
            element = _type(schema.get("items") or {}, False)
            return element and list_of(element)
        case "object":
            return _object(schema, is_whole or bool(schema.get(EMBEDDED)))
        case "string":
            return _FORMATS.get(schema.get("format", ""), STRING)
        case other:
            return _SCALARS.get(other or "")


def _object(schema: Doc, is_whole: bool) -> StaticType | None:
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        value = _type(others, False)
        return value and map_of(STRING, value)
    types = {name: _type(below, False) for name, below in (schema.get("properties") or {}).items()}
    fields = {escaped(name): type_ for name, type_ in types.items() if type_}
    return struct_of({**fields, **_OF_EVERY_OBJECT} if is_whole else fields)
