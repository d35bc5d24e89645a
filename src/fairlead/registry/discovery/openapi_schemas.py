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
    Cardinality,
    FieldType,
    descriptions_of,
    fields_of,
)
from fairlead.registry.schemas.extensions import KEYS, LIST_TYPE, MAP_TYPE
from fairlead.registry.schemas.known_values import default_of, values_of
from fairlead.registry.schemas.merging import (
    is_applied_set,
    is_atomic_map,
    is_merged_set,
    list_map_keys,
    merge_key,
)

_SCALARS: dict[str, Doc] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "number": {"type": "number", "format": "double"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
}
_LIST_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"
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
    """The reference of another schema or a path to the schema of a type."""
    return {"$ref": f"#/components/schemas/{type_name}"}


OF_EVERY_KIND = {
    "apiVersion": "The group and version that the object is written for.",
    "kind": "The kind of the object.",
    "metadata": "Name, namespace, labels, annotations and what the server notes about the object.",
}


def list_schema(type_name: str) -> Doc:
    """The schema of a list of objects of a type."""
    properties = {
        "apiVersion": {"type": "string"},
        "items": {"type": "array", "items": reference(type_name)},
        "kind": {"type": "string"},
        "metadata": reference(_LIST_META),
    }
    return {"type": "object", "properties": properties, "required": ["items"]}


def _schema(name: str) -> Doc:
    fields = fields_of(name)
    if not fields:
        return dict(_OPAQUE.get(name, {"type": "object"}))
    told = (
        {**OF_EVERY_KIND, **descriptions_of(name)} if fields.keys() >= OF_EVERY_KIND.keys() else descriptions_of(name)
    )
    properties = {
        field: _described(
            {**_property(shape), **_merging(name, field, shape), **_known_values(name, field)}, told.get(field)
        )
        for field, shape in fields.items()
    }
    schema: Doc = _described({"type": "object", "properties": properties}, told.get(""))
    required = [field for field, shape in fields.items() if shape.required]
    return {**schema, "required": required} if required else schema


def _merging(owner: str, field: str, shape: FieldType) -> Doc:
    """How lists and maps of the field are merged, for clients that compute patches or apply."""
    found: Doc = {}
    if shape.container is Cardinality.LIST:
        keys = list_map_keys(owner, field)
        kind = "set" if is_applied_set(owner, field) else "map" if keys else "atomic"
        found[LIST_TYPE] = kind
        if keys:
            found[KEYS] = list(keys)
        if key := merge_key(owner, field):
            found["x-kubernetes-patch-merge-key"] = key
        if key or is_merged_set(owner, field):
            found["x-kubernetes-patch-strategy"] = "merge"
    elif shape.container is Cardinality.MAP and is_atomic_map(owner, field, shape.name):
        found[MAP_TYPE] = "atomic"
    return found


def _known_values(owner: str, field: str) -> Doc:
    """The values that the field can have, and the one that it has when it is not given, if the reference lists them."""
    found: Doc = {}
    if values := values_of(owner, field):
        found["enum"] = list(values)
    if (default := default_of(owner, field)) is not None:
        found["default"] = default
    return found


def _described(schema: Doc, description: str | None) -> Doc:
    """A reference has no place for a description, but a list of one reference has."""
    if description is None:
        return schema
    return {"description": description, **({"allOf": [schema]} if "$ref" in schema else schema)}


def _property(field: FieldType) -> Doc:
    item = _SCALARS.get(field.name) or reference(field.name)
    match field.container:
        case Cardinality.LIST:
            return {"type": "array", "items": item}
        case Cardinality.MAP:
            return {"type": "object", "additionalProperties": item}
        case _:
            return item
