"""The canonical form of stored documents: as Go would write the same object after reading it.

An optional value that is empty is left out unless emptiness means something (``replicas: 0`` does, ``hostNetwork:
false`` does not), and a field that Go always writes is there. Equivalent documents are then equal, so a client that
writes defaults explicitly causes no rollout. Which field is which is in ``encoding.json``, written by
``scripts/generate_encoding.py``. Quantities and times have one spelling already from ``decode``.

Fields that Go would write as null (an empty list without ``omitempty``, an unset time) are left out: to readers both
are equal.
"""

import functools
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.schemas.catalogue import Cardinality, FieldType, OwnType, fields_of

_EMPTY: dict[str, Any] = {"string": "", "int32": 0, "int64": 0, "boolean": False, "number": 0}


class _Encoding(msgspec.Struct):
    kept: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()


class _Plan(NamedTuple):
    """The canonicalization of one type: fields to leave out if empty, plans of nested fields, and fields to fill in."""

    optional: frozenset[str]
    nested: dict[str, Callable[[Any], None]]
    filled: tuple[tuple[str, str], ...]


def canonicalize(type_name: str, document: Any) -> None:
    """Bring a decoded document into its stored form, in place; documents outside the catalogue are not changed."""
    if not isinstance(document, dict):  # in one of a custom kind; validation refuses it
        return
    optional, nested, filled = _plan(type_name)
    empty = []
    for name, value in document.items():
        if value is not None and (go_on := nested.get(name)) is not None:
            go_on(value)
        if not value and name in optional:
            empty.append(name)
    for name in empty:
        del document[name]
    for name, held in filled:
        if name not in document:
            document[name] = _zero(held)


def _zero(type_name: str) -> Any:
    if type_name in _EMPTY:
        return _EMPTY[type_name]
    empty: Doc = {}
    canonicalize(type_name, empty)
    return empty


@functools.cache
def _table() -> dict[str, _Encoding]:
    data = pkgutil.get_data("fairlead.registry.schemas", "encoding.json")
    assert data is not None, "the package was installed without encoding.json"
    return msgspec.json.decode(data, type=dict[str, _Encoding])


@functools.cache
def _plan(type_name: str) -> _Plan:
    encoding, fields = _table().get(type_name, _Encoding()), fields_of(type_name)
    if isinstance(type_name, OwnType):  # here an empty value is the user's
        encoding = _Encoding(kept=frozenset(fields))
    may_go = fields.keys() - encoding.kept - encoding.always
    return _Plan(
        frozenset(name for name in may_go if _is_droppable(fields[name])),
        {name: go_on for name, field in fields.items() if (go_on := _walk(field)) is not None},
        tuple((name, fields[name].name) for name in sorted(encoding.always) if _is_fillable(fields[name])),
    )


def _is_droppable(field: FieldType) -> bool:
    """Lists, maps and plain values; an empty object or an opaque value stays."""
    return field.container is not Cardinality.NONE or field.name in _EMPTY


def _is_fillable(field: FieldType) -> bool:
    return field.container is Cardinality.NONE and (field.name in _EMPTY or bool(fields_of(field.name)))


def _walk(field: FieldType) -> Callable[[Any], None] | None:
    if not tuple(fields_of(field.name)):  # nor does a type go on that has fields which nobody specifies
        return None
    canonical = functools.partial(canonicalize, field.name)
    match field.container:
        case Cardinality.LIST:
            return lambda items: _each(canonical, items if isinstance(items, list) else ())
        case Cardinality.MAP:
            return lambda items: _each(canonical, items.values() if isinstance(items, dict) else ())
        case _:
            return canonical


def _each(canonical: Callable[[Any], None], items: Any) -> None:
    for item in items:
        canonical(item)
