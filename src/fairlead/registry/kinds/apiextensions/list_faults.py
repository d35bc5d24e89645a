"""Faults of how a schema says that lists and maps are merged: ``x-kubernetes-list-type`` and its companions.

Upstream: apiextensions-apiserver ``pkg/apis/apiextensions/validation``.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc, as_object
from fairlead.registry.field_errors import FieldError, forbidden, invalid, not_supported, required
from fairlead.registry.schemas.extensions import KEYS, LIST_TYPE, MAP_TYPE

# Extension -> (the type that it is for, its values)
_MERGED = {LIST_TYPE: ("array", ("atomic", "map", "set")), MAP_TYPE: ("object", ("atomic", "granular"))}


def list_faults(schema: Doc, path: str) -> Iterator[FieldError]:
    """The faults of one level of a schema."""
    for extension, (type_, values) in _MERGED.items():
        if (value := schema.get(extension)) is not None:
            yield from _merged(schema, path, extension, type_)
            if value not in values:
                yield not_supported(f"{path}.{extension}", value, values)
    kind, keys, items = schema.get(LIST_TYPE), schema.get(KEYS) or [], as_object(schema.get("items"))
    if keys and kind != "map":
        why = f"must be map if {KEYS} is non-empty"
        yield required(f"{path}.{LIST_TYPE}", why) if kind is None else invalid(f"{path}.{LIST_TYPE}", kind, why)
    if kind in ("map", "set") and items.get("nullable"):
        yield forbidden(f"{path}.items.nullable", f"cannot be nullable when {LIST_TYPE} is {kind}")
    if kind == "map":
        yield from _keyed(keys, items, path)
    elif kind == "set":
        yield from _set(items, f"{path}.items")


def _merged(schema: Doc, path: str, extension: str, type_: str) -> Iterator[FieldError]:
    found, why = schema.get("type"), f"must be {type_} if {extension} is specified"
    if not found:
        yield required(f"{path}.type", why)
    elif found != type_:
        yield invalid(f"{path}.type", found, why)


def _set(items: Doc, path: str) -> Iterator[FieldError]:
    """Elements of sets are compared as wholes."""
    extension = {"array": LIST_TYPE, "object": MAP_TYPE}.get(items.get("type", ""))
    implicit = {"array": "atomic", "object": "granular"}.get(items.get("type", ""))
    if extension and (items.get(extension) or implicit) != "atomic":
        why = f"must be atomic as item of a list with {LIST_TYPE}=set"
        yield invalid(f"{path}.{extension}", items.get(extension), why)


def _keyed(keys: list[Any], items: Doc, path: str) -> Iterator[FieldError]:
    if not keys:
        yield required(f"{path}.{KEYS}", f"must not be empty if {LIST_TYPE} is map")
    if items.get("type", "object") != "object":
        why = f"must be object if parent array's {LIST_TYPE} is map"
        yield invalid(f"{path}.items.type", items["type"], why)
        return
    fields = as_object(items.get("properties"))
    if len(set(map(str, keys))) < len(keys):
        yield invalid(f"{path}.{KEYS}", keys, "must not contain duplicate entries")
    for key in dict.fromkeys(map(str, keys)):
        if key in fields:
            yield from _key(key, as_object(fields[key]), items, f"{path}.items.properties[{key}]")
        else:
            yield invalid(f"{path}.{KEYS}", keys, "entries must all be names of item properties")


def _key(key: str, field: Doc, items: Doc, path: str) -> Iterator[FieldError]:
    """An element is found by its keys, so each must have a value that can be compared."""
    if field.get("type") in ("array", "object"):
        why = f"must be a scalar type if parent array's {LIST_TYPE} is map"
        yield invalid(f"{path}.type", field["type"], why)
    if "default" not in field and key not in (items.get("required") or ()):
        why = f"this property is in {KEYS}, so it must have a default or be a required property"
        yield required(f"{path}.default", why)
    if field.get("nullable"):
        yield forbidden(f"{path}.nullable", f"this property is in {KEYS}, so it cannot be nullable")
