"""An OpenAPI v2 document in protobuf, as gnostic has it.

Each message is a table from a field's name in JSON to its number and how its value is written; what begins with ``x-``
are extensions, written as YAML (JSON is YAML). Source: gnostic ``openapiv2/OpenAPIv2.proto``.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from fairlead.model.document import Doc

Write = Callable[[Any], bytes]


class _Field(NamedTuple):
    number: int
    write: Write


def _octets(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _message(fields: Mapping[str, _Field], extensions: int, document: Doc) -> bytes:
    """A message. Content without a field, and that is no extension, is left out."""
    parts = []
    for name, value in document.items():
        if field := fields.get(name):
            parts.append(_written(field, value))
        elif extensions and name.startswith("x-"):
            parts.append(_octets(extensions, _octets(1, name.encode()) + _octets(2, _any(value))))
    return b"".join(parts)


def _written(field: _Field, value: Any) -> bytes:
    if isinstance(value, bool):
        return _varint(field.number << 3) + _varint(value)
    if isinstance(value, int):
        return _varint(field.number << 3) + _varint(value & (1 << 64) - 1)
    values = value if isinstance(value, list) else [value]
    return b"".join(_octets(field.number, field.write(each)) for each in values)


def _any(value: Any) -> bytes:
    return _octets(2, msgspec.json.encode(value))


def _text(value: str) -> bytes:
    return value.encode()


def _map_entries(write: Write) -> Write:
    """A map, as the list of its entries; ``write`` writes a value."""

    def entries(values: Doc) -> bytes:
        found = (_octets(1, name.encode()) + _octets(2, write(value)) for name, value in values.items())
        return b"".join(_octets(1, entry) for entry in found)

    return entries


def _schema(schema: Doc) -> bytes:
    return _message(_SCHEMA, 31, schema)


def _or_boolean(value: Any) -> bytes:
    return _varint(2 << 3) + _varint(value) if isinstance(value, bool) else _octets(1, _schema(value))


_SCHEMA: dict[str, _Field] = {
    "$ref": _Field(1, _text),
    "format": _Field(2, _text),
    "title": _Field(3, _text),
    "description": _Field(4, _text),
    "default": _Field(5, _any),
    "maxLength": _Field(11, _text),
    "minLength": _Field(12, _text),
    "pattern": _Field(13, _text),
    "maxItems": _Field(14, _text),
    "minItems": _Field(15, _text),
    "uniqueItems": _Field(16, _text),
    "maxProperties": _Field(17, _text),
    "minProperties": _Field(18, _text),
    "required": _Field(19, _text),
    "enum": _Field(20, _any),
    "additionalProperties": _Field(21, _or_boolean),
    "type": _Field(22, lambda value: _octets(1, value.encode())),
    "items": _Field(23, lambda value: _octets(1, _schema(value))),
    "properties": _Field(25, _map_entries(_schema)),
}
_QUERY = {"required": 1, "in": 2, "description": 3, "name": 4, "type": 6}
_IN_PATH = {"required": 1, "in": 2, "description": 3, "name": 4, "type": 5}
_BODY: dict[str, _Field] = {
    "description": _Field(1, _text),
    "name": _Field(2, _text),
    "in": _Field(3, _text),
    "required": _Field(4, _text),
    "schema": _Field(5, _schema),
}


def _parameter(parameter: Doc) -> bytes:
    """A ParametersItem, down to the kind of parameter that it is."""
    if parameter["in"] == "body":
        return _octets(1, _octets(1, _message(_BODY, 0, parameter)))
    position, numbers = (4, _IN_PATH) if parameter["in"] == "path" else (3, _QUERY)
    written = _message({name: _Field(number, _text) for name, number in numbers.items()}, 0, parameter)
    return _octets(1, _octets(2, _octets(position, written)))


def _response(response: Doc) -> bytes:
    schema = response.get("schema")
    inner = _octets(1, response["description"].encode())
    return _octets(1, inner + (_octets(2, _octets(1, _schema(schema))) if schema else b""))


_OPERATION: dict[str, _Field] = {
    "operationId": _Field(5, _text),
    "produces": _Field(6, _text),
    "consumes": _Field(7, _text),
    "parameters": _Field(8, _parameter),
    "responses": _Field(9, _map_entries(_response)),
    "schemes": _Field(10, _text),
}


def _operation(operation: Doc) -> bytes:
    return _message(_OPERATION, 13, operation)


_ITEM: dict[str, _Field] = {
    **{name: _Field(n, _operation) for name, n in (("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("patch", 8))},
    "parameters": _Field(9, _parameter),
}


def _paths(paths: Doc) -> bytes:
    found = (_octets(1, url.encode()) + _octets(2, _message(_ITEM, 10, item)) for url, item in paths.items())
    return b"".join(_octets(2, entry) for entry in found)


_INFO = {"title": _Field(1, _text), "version": _Field(2, _text)}
_DOCUMENT: dict[str, _Field] = {
    "swagger": _Field(1, _text),
    "info": _Field(2, lambda info: _message(_INFO, 0, info)),
    "paths": _Field(8, _paths),
    "definitions": _Field(9, _map_entries(_schema)),
}


def encoded(document: Doc) -> bytes:
    """The document in protobuf."""
    return _message(_DOCUMENT, 0, document)
