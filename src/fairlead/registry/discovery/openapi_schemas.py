"""The schemas of kinds in OpenAPI v3, from the catalogue of types: what ``kubectl explain`` prints.

Names, shapes and which fields are required are those of upstream's document. Descriptions are our own, and there are
some only for the kinds that make up the Service system.
"""

from collections.abc import Iterable

from fairlead.model.document import Doc
from fairlead.registry.schemas.catalogue import (
    INT_OR_STRING,
    QUANTITY,
    TIMES,
    Container,
    FieldType,
    descriptions_of,
    fields_of,
)

_SCALARS: dict[str, Doc] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "number": {"type": "number", "format": "double"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
}
_TEXT, _NUMBER, _INTEGER = {"type": "string"}, {"type": "number"}, {"type": "integer"}
_OPAQUE: dict[str, Doc] = {
    # Without a type of their own, so that explain prints their names.
    INT_OR_STRING: {"format": "int-or-string", "oneOf": [_INTEGER, _TEXT]},
    QUANTITY: {"oneOf": [_TEXT, _NUMBER]},
    **{name: {"type": "string", "format": "date-time"} for name in TIMES},
}


def schemas(type_names: Iterable[str]) -> dict[str, Doc]:
    """The schemas of the types and of all types that they reach, by name."""
    found: dict[str, Doc] = {}
    waiting = list(type_names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _schema(name)
            waiting += [field.name for field in fields_of(name).values() if field.name not in _SCALARS]
    return found


def reference(type_name: str) -> Doc:
    """How another schema or a path names the schema of a type."""
    return {"$ref": f"#/components/schemas/{type_name}"}


def _schema(name: str) -> Doc:
    fields = fields_of(name)
    if not fields:
        return dict(_OPAQUE.get(name, {"type": "object"}))
    told = descriptions_of(name)
    properties = {field: _described(_property(shape), told.get(field)) for field, shape in fields.items()}
    schema: Doc = _described({"type": "object", "properties": properties}, told.get(""))
    required = [field for field, shape in fields.items() if shape.required]
    return {**schema, "required": required} if required else schema


def _described(schema: Doc, description: str | None) -> Doc:
    """A reference has no place for a description, but a list of one reference has."""
    if description is None:
        return schema
    return {"description": description, **({"allOf": [schema]} if "$ref" in schema else schema)}


def _property(field: FieldType) -> Doc:
    item = _SCALARS.get(field.name) or reference(field.name)
    match field.container:
        case Container.LIST:
            return {"type": "array", "items": item}
        case Container.MAP:
            return {"type": "object", "additionalProperties": item}
        case _:
            return item
