"""Objects that expressions make: parts of an object to apply (``Object.spec{replicas: 3}``), and operations of a patch
(``JSONPatch{op: "add", path: "/metadata/labels/a", value: "b"}``).

The type of a part is its path in the object, so a part in the wrong place is found without a schema.
Upstream: apiserver ``pkg/cel/mutation``.
"""

import base64
from collections.abc import Callable
from typing import Any

from celpy import celtypes

from fairlead.registry.cel.type_names import JSON_PATCH


class MadeObject(celtypes.MapType):  # type: ignore[misc]  # the library is not typed
    """A part of an object; ``type_name`` is its path, beginning with ``Object``."""

    def __init__(self, type_name: str) -> None:
        super().__init__()
        self.type_name = type_name


class JsonPatch(celtypes.MapType):  # type: ignore[misc]  # the library is not typed
    """One operation of a JSON patch."""

    FIELDS = frozenset({"op", "path", "from", "value"})


def misnamed(holder: MadeObject | JsonPatch, field: str, value: Any) -> str:
    """Why a field cannot have a value; empty when it can."""
    if isinstance(holder, JsonPatch):
        return "" if field in JsonPatch.FIELDS else f"undefined field '{field}'"
    expected = f"{holder.type_name}.{field}"
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, MadeObject) and part.type_name != expected:
            return f"type mismatch: unexpected type name {part.type_name!r}, expected {expected!r}"
    return ""


def type_name(value: Any) -> str:
    """The type of an object that an expression made; empty for any other value."""
    if isinstance(value, MadeObject):
        return value.type_name
    return JSON_PATCH if isinstance(value, JsonPatch) else ""


def json_value(value: Any) -> Any:
    """A value of an expression as JSON has it.

    Raises:
        ValueError: JSON has no such value.
    """
    for type_, plain in _PLAIN:
        if isinstance(value, type_):
            return plain(value)
    raise ValueError(f"{type(value).__name__} has no value in JSON")


def _map(value: Any) -> dict[str, Any]:
    return {str(name): json_value(item) for name, item in value.items()}


def _list(value: Any) -> list[Any]:
    return [json_value(item) for item in value]


# Types of values -> how they are in JSON. A boolean is an integer too, so it comes before.
_PLAIN: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (type(None), lambda value: None),
    (celtypes.BoolType, bool),
    (bool, bool),
    (int, int),
    (float, float),
    (str, str),
    (bytes, lambda value: base64.b64encode(value).decode()),
    (dict, _map),
    (list, _list),
    (celtypes.TimestampType, str),
    (celtypes.DurationType, str),
)
