"""The types that expressions are checked against before they are evaluated, and what operators make of them.

Only what is known for sure is a type here; all else is ``DYN``, which fits everywhere. Source: the CEL specification
(``doc/langdef.md``), cel-go ``checker``.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fairlead.registry.schemas.catalogue import Cardinality, FieldType, fields_of


class StaticType(NamedTuple):
    """A type: ``name`` is that of a scalar, ``list``, ``map`` or ``object``.

    Attributes:
        parts: of a list the type of its elements, of a map those of its keys and values.
        fields_of: of an object its type in the catalogue.
        shown: of an object the name that messages give it.
        fields: of an object that is not in the catalogue, its fields by their names in expressions.
    """

    name: str
    parts: tuple["StaticType", ...] = ()
    fields_of: str = ""
    shown: str = ""
    fields: tuple[tuple[str, "StaticType"], ...] | None = None

    def __str__(self) -> str:
        if self.parts:
            return f"{self.name}({', '.join(map(str, self.parts))})"
        return self.shown or self.name


DYN, BOOL, INT, UINT, DOUBLE = (StaticType(name) for name in ("dyn", "bool", "int", "uint", "double"))
STRING, BYTES, NULL = (StaticType(name) for name in ("string", "bytes", "null"))
TIMESTAMP, DURATION = (StaticType(f"google.protobuf.{name}") for name in ("Timestamp", "Duration"))
_MESSAGES = ("object", TIMESTAMP.name, DURATION.name)  # can be null
NUMBERS = (INT, UINT, DOUBLE)
_SCALARS = {"string": STRING, "int32": INT, "int64": INT, "number": DOUBLE, "boolean": BOOL}


def list_of(element: StaticType) -> StaticType:
    """The type of a list."""
    return StaticType("list", (element,))


def map_of(key: StaticType, value: StaticType) -> StaticType:
    """The type of a map."""
    return StaticType("map", (key, value))


def object_of(type_name: str, shown: str) -> StaticType:
    """An object of a type of the catalogue; ``DYN`` for one whose fields nobody specifies."""
    return StaticType("object", (), type_name, shown) if fields_of(type_name) else DYN


def struct_of(fields: Mapping[str, StaticType]) -> StaticType:
    """An object with these fields, by their names in expressions."""
    return StaticType("object", fields=tuple(fields.items()))


def field_of(holder: StaticType, spellings: Mapping[str, str], name: str) -> StaticType | None:
    """The type of a field of an object; None when it has no such field. ``spellings`` are the names in expressions."""
    if holder.fields is not None:
        return dict(holder.fields).get(name)
    field = spellings.get(name, name)
    found = fields_of(holder.fields_of).get(field)
    return None if found is None else _of_field(found, f"{holder.shown}.{field}")


def _of_field(field: FieldType, shown: str) -> StaticType:
    one = _SCALARS.get(field.name) or object_of(field.name, shown)
    if field.container is Cardinality.LIST:
        return list_of(one)
    return map_of(STRING, one) if field.container is Cardinality.MAP else one


def fits(one: StaticType, other: StaticType) -> bool:
    """Whether two types can stand for the same type parameter."""
    if DYN in (one, other):
        return True
    if NULL in (one, other):
        return {one.name, other.name} <= {"null", *_MESSAGES}
    if (one.name, one.fields_of, one.fields) != (other.name, other.fields_of, other.fields):
        return False
    return all(fits(*pair) for pair in zip(one.parts, other.parts, strict=True))


def common(types: list[StaticType]) -> StaticType:
    """The type of elements of these types."""
    return types[0] if types and all(each == types[0] for each in types) else DYN


_ORDERED = (BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION)
_ADDED = (INT, UINT, DOUBLE, STRING, BYTES)
# Operator -> the types of which it takes two.
_SAME = {"_+_": _ADDED, "_-_": NUMBERS, "_*_": NUMBERS, "_/_": NUMBERS, "_%_": (INT, UINT)}


def result_of(operator: str, left: StaticType, right: StaticType) -> StaticType | None:
    """The result type of a binary operator; None if it does not accept the two types."""
    if (takes := _TESTS.get(operator)) is not None:
        return BOOL if takes(left, right) else None
    if {DYN, TIMESTAMP, DURATION} & {left, right}:
        return DYN
    if operator == "_+_" and left.name == right.name == "list":
        return left if fits(left, right) else None
    return left if left == right and left in _SAME[operator] else None


def _are_bool(left: StaticType, right: StaticType) -> bool:
    return fits(left, BOOL) and fits(right, BOOL)


def _is_in(left: StaticType, right: StaticType) -> bool:
    return right == DYN or (bool(right.parts) and fits(left, right.parts[0]))


def _are_ordered(left: StaticType, right: StaticType) -> bool:
    if DYN in (left, right) or (left in NUMBERS and right in NUMBERS):
        return True
    return left == right and left in _ORDERED


# Operator -> whether it takes two types; its value is true or false.
_TESTS: Mapping[str, Callable[[StaticType, StaticType], bool]] = {
    **dict.fromkeys(("_&&_", "_||_"), _are_bool),
    **dict.fromkeys(("_==_", "_!=_"), fits),
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), _are_ordered),
    "@in": _is_in,
}
# Method of strings -> (types of its arguments, type of its value)
STRING_METHODS: Mapping[str, tuple[tuple[StaticType, ...], StaticType]] = {
    "startsWith": ((STRING,), BOOL),
    "endsWith": ((STRING,), BOOL),
    "contains": ((STRING,), BOOL),
    "matches": ((STRING,), BOOL),
    "lowerAscii": ((), STRING),
    "upperAscii": ((), STRING),
    "trim": ((), STRING),
}
# Function -> type of its value
CONVERSIONS: Mapping[str, StaticType] = {
    "int": INT,
    "uint": UINT,
    "double": DOUBLE,
    "string": STRING,
    "bytes": BYTES,
    "bool": BOOL,
    "size": INT,
}
