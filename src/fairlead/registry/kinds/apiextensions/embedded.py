"""Whole objects within custom objects: each says of what kind it is. Updates are checked as creations are.

Upstream: apiextensions-apiserver ``pkg/apiserver/schema/objectmeta``.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1035_label_errors
from fairlead.registry.field_errors import FieldError, invalid, required
from fairlead.registry.schemas.extensions import EMBEDDED


def has_embedded(schema: Doc) -> bool:
    """Whether any part of a schema is of a whole object; most schemas have none."""
    parts = [*(schema.get("properties") or {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return bool(schema.get(EMBEDDED)) or any(has_embedded(part) for part in parts if isinstance(part, dict))


def embedded_faults(value: Any, schema: Doc, path: str = "") -> Iterator[FieldError]:
    """The faults of the kinds of objects that a value has in it."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from embedded_faults(item, schema.get("items") or {}, f"{path}[{index}]")
    if not isinstance(value, dict):
        return
    if schema.get(EMBEDDED):
        yield from _text_faults(value, "apiVersion", path, _version_errors)
        yield from _text_faults(value, "kind", path, _kind_errors)
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    for name, item in value.items():
        if isinstance(below := properties.get(name, others), dict):
            yield from embedded_faults(item, below, f"{path}.{name}" if path else name)


def _text_faults(value: Doc, name: str, path: str, errors: Any) -> Iterator[FieldError]:
    given, place = value.get(name, ""), f"{path}.{name}"
    if not isinstance(given, str):
        yield invalid(place, given, "must be a string")
    elif not given:
        yield required(place)
    else:
        yield from (invalid(place, given, why) for why in errors(given))


def _version_errors(given: str) -> list[str]:
    return [f"unexpected GroupVersion string: {given}"] if given.count("/") > 1 else []


def _kind_errors(given: str) -> list[str]:
    prefix = "may have mixed case, but should otherwise match: "
    return [f"{prefix}{why}" for why in dns1035_label_errors(given.lower())]
