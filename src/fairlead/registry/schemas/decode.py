"""Decodes a document by the types of its kind: the first check of every body.

Fields that the kind does not have are named and left out, as upstream's decoder does; a value of the wrong JSON type
refuses the whole request, in the words of Go's JSON package, because users know them. A null is an absent field.
Validation checks the values.

Upstream: apimachinery ``pkg/runtime/serializer/json``, sigs.k8s.io/json.
"""

import functools
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
_THOUSANDTHS, _BILLIONTHS = -3, -9  # powers of ten
_QUANTITY_TEXT = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"


class Decoded(NamedTuple):
    """A document with only the fields of its kind, and messages about removed ones: ``unknown field "spec.foo"``."""

    document: Doc
    unknown: tuple[str, ...]


def decode(api_version: str, kind: str, document: Doc) -> Decoded:
    """The decoded document. A kind that is not in the catalogue keeps all fields.

    Raises:
        ApiError: 400, a value has the wrong JSON type.
    """
    type_name = type_of(api_version, kind)
    if type_name is None:
        return Decoded(document, ())
    unknown: list[str] = []
    try:
        kept = _struct(type_name, document, None, unknown)
    except _Mismatch as mismatch:
        raise _refusal(api_version, kind, str(mismatch)) from None
    return Decoded(kept, tuple(unknown))


def decode_metadata(api_version: str, kind: str, document: Doc) -> Decoded:
    """The document of a kind that users define, whose metadata alone is of a type of the catalogue.

    Raises:
        ApiError: 400, a value of the metadata has the wrong JSON type.
    """
    unknown: list[str] = []
    try:
        metadata = _struct(_METADATA, document.get("metadata") or {}, (None, "metadata", kind), unknown)
    except _Mismatch as mismatch:
        raise _refusal(api_version, kind, str(mismatch)) from None
    return Decoded({**document, "metadata": metadata}, tuple(unknown))


def unknown_fields(api_version: str, kind: str, document: Doc) -> list[str]:
    """The faults of strict decoding, such as ``unknown field "spec.ports[0].bar"``; raises as ``decode`` does."""
    return list(decode(api_version, kind, document).unknown)


class _Mismatch(Exception):
    """A value of the wrong JSON type; the text is Go's."""


# Where a value stands: what it is in, its name or index there, and the Go struct that has the field of this name; empty
# for elements of lists and entries of maps. It is spelled out only when there is something to say about the value.
_Place = tuple["_Place | None", str | int, str]
_Read = Callable[[Any, "_Place | None", list[str]], Any]


def _path(place: _Place | None) -> str:
    """As users write it: ``spec.ports[0].port``."""
    if place is None:
        return ""
    above, step, _ = place
    before = _path(above)
    return f"{before}[{step}]" if isinstance(step, int) else f"{before}.{step}" if before else step


def _field_name(place: _Place) -> str:
    """As Go names it: the innermost struct, then the names of the fields that lead to the value."""
    above, step, struct = place
    names = [str(step)] if struct else []
    while above is not None:
        above, step, outer = above
        struct = struct or outer
        names += [str(step)] if outer else []
    return ".".join((struct, *reversed(names)))


def _refusal(api_version: str, kind: str, reason: str) -> ApiError:
    version = api_version.rpartition("/")[2]
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {reason}')


def _struct(type_name: str, value: Any, place: _Place | None, unknown: list[str]) -> Doc:
    if not isinstance(value, dict):
        raise _mismatch(value, place, _go_type(type_name))
    struct, fields = _plan(type_name)
    kept = {}
    for name, item in value.items():
        if (read := fields.get(name)) is None:
            unknown.append(f'unknown field "{_path((place, name, struct))}"')
        elif item is not None:
            kept[name] = read(item, (place, name, struct), unknown)
    return kept


@functools.cache
def _plan(type_name: str) -> tuple[str, dict[str, _Read]]:
    """The Go struct of a type, and how each of its fields is read."""
    return type_name.rpartition(".")[2], {name: _field(field) for name, field in fields_of(type_name).items()}


def _field(field: FieldType) -> _Read:
    match field.container:
        case Cardinality.LIST:
            return _list(field.name)
        case Cardinality.MAP:
            return _map(field.name)
        case _:
            return _value(field.name)


def _list(type_name: str) -> _Read:
    element, wanted = _element(type_name), _go_type(type_name, Cardinality.LIST)

    def read(value: Any, place: _Place | None, unknown: list[str]) -> list[Any]:
        if not isinstance(value, list):
            raise _mismatch(value, place, wanted)
        return [element(item, (place, index, ""), unknown) for index, item in enumerate(value)]

    return read


def _map(type_name: str) -> _Read:
    element = _amount if type_name == QUANTITY else _element(type_name)
    wanted = _go_type(type_name, Cardinality.MAP)

    def read(value: Any, place: _Place | None, unknown: list[str]) -> Doc:
        if not isinstance(value, dict):
            raise _mismatch(value, place, wanted)
        return {key: element(item, (place, key, ""), unknown) for key, item in value.items()}

    return read


def _element(type_name: str) -> _Read:
    """One element of a list or map; Go reads a null there as the zero value."""
    element = _value(type_name)

    def read(value: Any, place: _Place | None, unknown: list[str]) -> Any:
        return _ZERO.get(type_name, {}) if value is None else element(value, place, unknown)

    return read


def _value(type_name: str) -> _Read:
    if scalar := _SCALARS.get(type_name):
        return scalar
    return functools.partial(_struct, type_name) if fields_of(type_name) else _anything


def _anything(value: Any, place: _Place | None, unknown: list[str]) -> Any:
    return value


def _string(value: Any, place: _Place | None, unknown: list[str]) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, place, "string")
    return value


def _boolean(value: Any, place: _Place | None, unknown: list[str]) -> bool:
    if not isinstance(value, bool):
        raise _mismatch(value, place, "bool")
    return value


def _number(value: Any, place: _Place | None, unknown: list[str]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(value, place, "float64")
    return value


def _integer(bits: int) -> _Read:
    limit = 1 << (bits - 1)

    def read(value: Any, place: _Place | None, unknown: list[str]) -> int:
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(whole, bool) or not isinstance(whole, int) or not -limit <= whole < limit:
            raise _mismatch(value, place, f"int{bits}")
        return whole

    return read


_int32 = _integer(32)


def _int_or_string(value: Any, place: _Place | None, unknown: list[str]) -> Any:
    return value if isinstance(value, str) else _int32(value, place, unknown)


def _amount(value: Any, place: _Place | None, unknown: list[str]) -> str:
    """A quantity in a map of them, a list of resources: rounded up to thousandths (``SetDefaults_ResourceList``)."""
    return "0" if value is None else _quantity(value, place, unknown, _THOUSANDTHS)


def _quantity(value: Any, place: _Place | None, unknown: list[str], smallest: int = _BILLIONTHS) -> str:
    """A quantity in its canonical form, also for a bare number, so that all spellings of an amount are equal."""
    text = value if isinstance(value, str) else str(_number(value, place, unknown))
    try:
        return canonical_quantity(text.strip(), smallest)
    except ValueError:
        raise _Mismatch(f"quantities must match the regular expression '{_QUANTITY_TEXT}'") from None


def _moment(precision: str, example: str) -> _Read:
    """A time of RFC 3339 in UTC and in one precision, so that all spellings of a time are equal."""

    def read(value: Any, place: _Place | None, unknown: list[str]) -> str:
        text = _string(value, place, unknown)
        try:
            if not _RFC_3339.fullmatch(text):
                raise ValueError
            moment = datetime.fromisoformat(text)
            if len(text) == len(example) and text.endswith("Z"):  # it is spelled as it is kept
                return text
            moment = moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise _Mismatch(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}"') from None
        return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"

    return read


_SCALARS: dict[str, _Read] = {
    "string": _string,
    "boolean": _boolean,
    "number": _number,
    "int32": _int32,
    "int64": _integer(64),
    INT_OR_STRING: _int_or_string,
    QUANTITY: _quantity,
    TIME: _moment("seconds", "2006-01-02T15:04:05Z"),
    MICRO_TIME: _moment("microseconds", "2006-01-02T15:04:05.000000Z"),
}


def _mismatch(value: Any, place: _Place | None, wanted: str) -> _Mismatch:
    got = _json_type(value)
    if place is None:
        return _Mismatch(f"json: cannot unmarshal {got} into Go value of type {wanted}")
    return _Mismatch(f"json: cannot unmarshal {got} into Go struct field {_field_name(place)} of type {wanted}")


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
