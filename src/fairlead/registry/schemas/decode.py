"""Does a document have the shape of its kind: the first thing that is asked of every body.

Fields that the kind does not have are named and left out, as upstream's decoder does; a value of the wrong JSON type
refuses the whole request, in the words of Go's JSON package, because users know them. A null is an absent field.
Whether the values make sense is for validation to say.

Upstream: apimachinery ``pkg/runtime/serializer/json``, sigs.k8s.io/json.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from fairlead.model.document import Doc
from fairlead.model.quantities import canonical as canonical_quantity
from fairlead.registry.schemas.catalogue import (
    INT_OR_STRING,
    MICRO_TIME,
    QUANTITY,
    TIME,
    Cardinality,
    FieldType,
    fields_of,
    type_of,
)
from fairlead.registry.status import ApiError, bad_request

_GO_CONTAINERS = {Cardinality.NONE: "", Cardinality.LIST: "[]", Cardinality.MAP: "map[string]"}
_GO_SCALARS = {"boolean": "bool", "number": "float64"}
_ZERO = {"string": "", "int32": 0, "int64": 0, "boolean": False, "number": 0}
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_QUANTITY_TEXT = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"


class Decoded(NamedTuple):
    """A document with only the fields of its kind, and what was left out: ``unknown field "spec.foo"``."""

    document: Doc
    unknown: tuple[str, ...]


def decode(api_version: str, kind: str, document: Doc) -> Decoded:
    """The document as its kind sees it. A kind that is not in the catalogue keeps everything.

    Raises:
        ApiError: 400, a value has the wrong JSON type.
    """
    type_name = type_of(api_version, kind)
    if type_name is None:
        return Decoded(document, ())
    unknown: list[str] = []
    try:
        kept = _struct(type_name, document, _Place("", (), _go_type(type_name)), unknown)
    except _Mismatch as mismatch:
        raise _refusal(api_version, kind, str(mismatch)) from None
    return Decoded(kept, tuple(unknown))


def decode_metadata(api_version: str, kind: str, document: Doc) -> Decoded:
    """The document of a kind that users define, whose metadata alone is of a type of the catalogue.

    Raises:
        ApiError: 400, a value of the metadata has the wrong JSON type.
    """
    unknown: list[str] = []
    place = _Place("metadata", ("metadata",), kind)
    try:
        metadata = _struct(_METADATA, document.get("metadata") or {}, place, unknown)
    except _Mismatch as mismatch:
        raise _refusal(api_version, kind, str(mismatch)) from None
    return Decoded({**document, "metadata": metadata}, tuple(unknown))


def unknown_fields(api_version: str, kind: str, document: Doc) -> list[str]:
    """What strict decoding complains of, such as ``unknown field "spec.ports[0].bar"``; raises as ``decode`` does."""
    return list(decode(api_version, kind, document).unknown)


class _Mismatch(Exception):
    """A value of the wrong JSON type; the text is Go's."""


class _Place(NamedTuple):
    """Where a value stands: its path as users write it, its field names alone, and the Go struct that has the field."""

    path: str
    names: tuple[str, ...]
    struct: str

    def field(self, name: str) -> "_Place":
        return _Place(f"{self.path}.{name}" if self.path else name, (*self.names, name), self.struct)

    def at(self, key: int | str) -> "_Place":
        return self._replace(path=f"{self.path}[{key}]" if isinstance(key, int) else f"{self.path}.{key}")


def _refusal(api_version: str, kind: str, reason: str) -> ApiError:
    version = api_version.rpartition("/")[2]
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {reason}')


def _struct(type_name: str, value: Any, place: _Place, unknown: list[str]) -> Doc:
    if not isinstance(value, dict):
        raise _mismatch(value, place, _go_type(type_name))
    here = place._replace(struct=type_name.rpartition(".")[2])
    fields = fields_of(type_name)
    kept = {}
    for name, item in value.items():
        if name not in fields:
            unknown.append(f'unknown field "{here.field(name).path}"')
        elif item is not None:
            kept[name] = _field(fields[name], item, here.field(name), unknown)
    return kept


def _field(field: FieldType, value: Any, place: _Place, unknown: list[str]) -> Any:
    match field.container:
        case Cardinality.LIST:
            if not isinstance(value, list):
                raise _mismatch(value, place, _go_type(field.name, Cardinality.LIST))
            return [_element(field.name, item, place.at(index), unknown) for index, item in enumerate(value)]
        case Cardinality.MAP:
            if not isinstance(value, dict):
                raise _mismatch(value, place, _go_type(field.name, Cardinality.MAP))
            return {key: _element(field.name, item, place.at(key), unknown) for key, item in value.items()}
        case _:
            return _value(field.name, value, place, unknown)


def _element(type_name: str, value: Any, place: _Place, unknown: list[str]) -> Any:
    """One element of a list or map; Go reads a null there as the zero value."""
    if value is None:
        return _ZERO.get(type_name, {})
    return _value(type_name, value, place, unknown)


def _value(type_name: str, value: Any, place: _Place, unknown: list[str]) -> Any:
    if read := _SCALARS.get(type_name):
        return read(value, place)
    if not fields_of(type_name):
        return value
    return _struct(type_name, value, place, unknown)


def _string(value: Any, place: _Place) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, place, "string")
    return value


def _boolean(value: Any, place: _Place) -> bool:
    if not isinstance(value, bool):
        raise _mismatch(value, place, "bool")
    return value


def _number(value: Any, place: _Place) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(value, place, "float64")
    return value


def _integer(bits: int) -> Callable[[Any, _Place], int]:
    limit = 1 << (bits - 1)

    def read(value: Any, place: _Place) -> int:
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(whole, bool) or not isinstance(whole, int) or not -limit <= whole < limit:
            raise _mismatch(value, place, f"int{bits}")
        return whole

    return read


def _int_or_string(value: Any, place: _Place) -> int | str:
    return value if isinstance(value, str) else _integer(32)(value, place)


def _quantity(value: Any, place: _Place) -> str:
    """A quantity in its canonical form, a bare number too, so that every spelling of an amount is equal to it."""
    text = value if isinstance(value, str) else str(_number(value, place))
    try:
        return canonical_quantity(text.strip())
    except ValueError:
        raise _Mismatch(f"quantities must match the regular expression '{_QUANTITY_TEXT}'") from None


def _moment(precision: str) -> Callable[[Any, _Place], str]:
    """A time of RFC 3339, kept in UTC and in one precision, so that every spelling of a moment is equal to it."""

    def read(value: Any, place: _Place) -> str:
        text = _string(value, place)
        try:
            if not _RFC_3339.fullmatch(text):
                raise ValueError
            moment = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            raise _Mismatch(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}"') from None
        return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"

    return read


_SCALARS: dict[str, Callable[[Any, _Place], Any]] = {
    "string": _string,
    "boolean": _boolean,
    "number": _number,
    "int32": _integer(32),
    "int64": _integer(64),
    INT_OR_STRING: _int_or_string,
    QUANTITY: _quantity,
    TIME: _moment("seconds"),
    MICRO_TIME: _moment("microseconds"),
}


def _mismatch(value: Any, place: _Place, wanted: str) -> _Mismatch:
    got = _json_type(value)
    if not place.names:
        return _Mismatch(f"json: cannot unmarshal {got} into Go value of type {wanted}")
    field = f"{place.struct}.{'.'.join(place.names)}"
    return _Mismatch(f"json: cannot unmarshal {got} into Go struct field {field} of type {wanted}")


def _json_type(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case int():
            return "number" if -(2**31) <= value < 2**31 else f"number {value}"
        case _:
            return f"number {value}"


def _go_type(type_name: str, container: Cardinality = Cardinality.NONE) -> str:
    short = ".".join(type_name.split(".")[-2:])
    return _GO_CONTAINERS[container] + _GO_SCALARS.get(short, short)
