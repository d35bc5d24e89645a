"""Validation of a value by its schema, in upstream's words, with all faults at once.

What an update leaves as it was is not held against a schema again, so that objects from before a stricter schema can be
put right part by part (KEP-4008).

A schema is the JSON of ``openAPIV3Schema``. Upstream: apiextensions-apiserver ``pkg/apiserver/validation`` on top of
kube-openapi ``pkg/validation/validate``, and ``pkg/apiserver/schema/listtype`` for sets and keyed lists.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, duplicate, invalid, not_supported, required, too_long, too_many
from fairlead.registry.formats import has_format
from fairlead.registry.schemas.extensions import INT_OR_STRING, KEYS, LIST_TYPE

ABSENT: Any = object()
"""Where there is no value before."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "number": _is_number,
}


# Type -> what upstream calls it in messages about a field with a format.
_FORMATS = {"integer": "int64", "number": "float64"}
# Format -> the least and the greatest integer.
_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}


def value_faults(value: Any, schema: Doc, path: str, old: Any = ABSENT) -> list[FieldError]:
    """The faults of a value and of everything in it, but for what is as it was; ``old`` is the value before."""
    return list(_faults(value, schema, path, old))


def _faults(value: Any, schema: Doc, path: str, old: Any = ABSENT) -> Iterator[FieldError]:
    if (value is None and schema.get("nullable")) or is_same(value, old):
        return
    if fault := _type_fault(value, schema, path):
        yield fault
        return
    yield from _enum(value, schema, path)
    for is_kind, check in _CHECKS:
        if is_kind(value):
            yield from check(value, schema, path)
    for below in _parts(value, schema, path, old):
        yield from _faults(*below)
    yield from _combined(value, schema, path)


def _type_fault(value: Any, schema: Doc, path: str) -> FieldError | None:
    if schema.get(INT_OR_STRING):
        wanted, fits = "integer,string", _TYPES["integer"](value) or isinstance(value, str)
    else:
        wanted = schema.get("type", "")
        fits = not wanted or _TYPES[wanted](value)
    if fits:
        return None
    kind, form = _kind_of(value), schema.get("format")
    if form and kind not in ("array", "null", "string"):
        wanted, kind = form, _FORMATS.get(kind, "")
    return invalid(path, kind, f'{path} in body must be of type {wanted}: "{kind}"')


def _kind_of(value: Any) -> str:
    """Upstream's name of a JSON type in messages about wrong types."""
    if value is None:
        return "null"
    return next(name for name, fits in _TYPES.items() if fits(value))


def _enum(value: Any, schema: Doc, path: str) -> Iterator[FieldError]:
    choices = schema.get("enum")
    if choices is not None and not any(choice == value and type(choice) is type(value) for choice in choices):
        texts = (choice if isinstance(choice, str) else msgspec.json.encode(choice).decode() for choice in choices)
        yield not_supported(path, value, texts)


def _number(value: float, schema: Doc, path: str) -> Iterator[FieldError]:
    if schema.get("type") == "integer":
        yield from _range(value, schema.get("format", ""), path)
    for limit, is_beyond, word in (("minimum", operator.lt, "greater"), ("maximum", operator.gt, "less")):
        bound = schema.get(limit)
        if bound is None:
            continue
        is_open = bool(schema.get(f"exclusive{limit.capitalize()}"))
        if is_beyond(value, bound) or (is_open and value == bound):
            than = f"{word} than {'' if is_open else 'or equal to '}{bound}"
            yield invalid(path, value, f"{path} in body should be {than}")
    factor = schema.get("multipleOf")
    if factor and not float(value / factor).is_integer():
        yield invalid(path, value, f"{path} in body should be a multiple of {factor}")


def _range(value: float, form: str, path: str) -> Iterator[FieldError]:
    least, most = _RANGES.get(form, _RANGES["int64"])
    if not least <= value <= most:
        what = f"with format {form}" if form else "(default format)"
        yield invalid(path, value, f"Checked value must be of type integer {what} in {path}")


def _string(value: str, schema: Doc, path: str) -> Iterator[FieldError]:
    if (most := schema.get("maxLength")) is not None and len(value) > most:
        yield too_long(path, most)
    if (least := schema.get("minLength")) is not None and len(value) < least:
        yield invalid(path, value, f"{path} in body should be at least {least} chars long")
    pattern = schema.get("pattern")
    if pattern and not compiled(pattern).search(value):
        yield invalid(path, value, f"{path} in body should match '{pattern}'")
    form = schema.get("format", "")
    if not has_format(value, form):
        yield invalid(path, value, f'{path} in body must be of type {form}: "{value}"')


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """A pattern in Go's syntax, matched in time that is linear in the text, even for a hostile pattern.

    The library is imported with the first pattern: most clusters have none.

    Raises:
        ValueError: it cannot be read.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(str(error)) from None


def _array(value: list[Any], schema: Doc, path: str) -> Iterator[FieldError]:
    if (most := schema.get("maxItems")) is not None and len(value) > most:
        yield too_many(path, len(value), most)
    if (least := schema.get("minItems")) is not None and len(value) < least:
        yield invalid(path, len(value), f"{path} in body should have at least {least} items")
    if schema.get("uniqueItems") and len({msgspec.json.encode(item, order="sorted") for item in value}) < len(value):
        yield invalid(path, value, f"{path} in body shouldn't contain duplicates")
    yield from _doubles(value, schema, path)


def _doubles(value: list[Any], schema: Doc, path: str) -> Iterator[FieldError]:
    """The elements of a set or keyed list that are there before."""
    kind = schema.get(LIST_TYPE, "atomic")
    if kind == "atomic":
        return
    seen = set()
    for index, item in enumerate(value):
        told_by = _key(item, schema) if kind == "map" else item
        encoded = msgspec.json.encode(told_by, order="sorted")
        if encoded in seen:
            yield duplicate(f"{path}[{index}]", told_by)
        seen.add(encoded)


def _key(item: Any, schema: Doc) -> Any:
    if not isinstance(item, dict):
        return item
    return {name: item[name] for name in schema.get(KEYS, ()) if name in item}


def is_same(value: Any, old: Any) -> bool:
    """Whether two JSON values are one; to Python, ``true`` is 1."""
    if old is ABSENT or value != old:
        return False
    return msgspec.json.encode(value, order="sorted") == msgspec.json.encode(old, order="sorted")


def counterpart(item: Any, old: Any, schema: Doc) -> Any:
    """The old element with the same keys as an element of a list; ABSENT for lists without keys."""
    keys = schema.get(KEYS)
    if not keys or not isinstance(old, list) or not isinstance(item, dict):
        return ABSENT
    told_by = [item.get(key) for key in keys]
    others = (other for other in old if isinstance(other, dict))
    return next((other for other in others if [other.get(key) for key in keys] == told_by), ABSENT)


def _parts(value: Any, schema: Doc, path: str, old: Any) -> Iterator[tuple[Any, Doc, str, Any]]:
    """What is in a value: each part with its schema, its path and the part before."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield item, schema.get("items") or {}, f"{path}[{index}]", counterpart(item, old, schema)
    if isinstance(value, dict):
        properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
        before = old if isinstance(old, dict) else {}
        for name, item in value.items():
            below = properties.get(name, others)
            if isinstance(below, dict):
                yield item, below, _join(path, name), before.get(name, ABSENT)


def _object(value: Doc, schema: Doc, path: str) -> Iterator[FieldError]:
    for name in schema.get("required") or ():
        if name not in value:
            yield required(_join(path, name))
    if (most := schema.get("maxProperties")) is not None and len(value) > most:
        yield too_many(path, len(value), most)
    if (least := schema.get("minProperties")) is not None and len(value) < least:
        yield invalid(path, len(value), f"{path} in body should have at least {least} properties")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_CHECKS: tuple[tuple[Callable[[Any], bool], Callable[[Any, Doc, str], Iterator[FieldError]]], ...] = (
    (_is_number, _number),
    (_TYPES["string"], _string),
    (_TYPES["array"], _array),
    (_TYPES["object"], _object),
)


def _combined(value: Any, schema: Doc, path: str) -> Iterator[FieldError]:
    for part in schema.get("allOf") or ():
        yield from _faults(value, part, path)
    shown = f'"{path}"'
    if (options := schema.get("anyOf")) and not any(_fit(value, options, path)):
        yield invalid(path, _scalar(value), f"{shown} must validate at least one schema (anyOf)")
    if options := schema.get("oneOf"):
        fitting = sum(_fit(value, options, path))
        if fitting != 1:
            found = "none valid" if fitting == 0 else f"valid alternatives: {fitting}"
            yield invalid(path, _scalar(value), f"{shown} must validate one and only one schema (oneOf). Found {found}")
    if (excluded := schema.get("not")) and any(_fit(value, [excluded], path)):
        yield invalid(path, _scalar(value), f"{shown} must not validate the schema (not)")


def _fit(value: Any, schemas: Iterable[Doc], path: str) -> Iterator[bool]:
    return (next(_faults(value, schema, path), None) is None for schema in schemas)


def _scalar(value: Any) -> Any:
    return value if not isinstance(value, dict | list) else ""
