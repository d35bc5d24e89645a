"""The operators that need all their operands, unlike ``&&`` and ``||``: what the library has, with upstream's equality.

Values of different types are not equal, which is no error: an integer or string can be compared with a string. Numbers
are compared by their values, whatever their types. Source: cel-go ``common/types`` (``Equal``, ``Compare``), apiserver
``pkg/cel/environment/base.go`` (comparisons of numbers of different types).
"""

import operator
from collections.abc import Callable
from typing import Any

from celpy import celtypes
from celpy.evaluation import base_functions

from fairlead.registry.cel.budget import allow
from fairlead.registry.cel.macros import error_in

_ABSENT = object()


def is_equal(one: Any, other: Any) -> bool:
    """``one == other``."""
    if _is_number(one) and _is_number(other):
        return bool(_plain(one) == _plain(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(is_equal(item, other.get(key, _ABSENT)) for key, item in one.items())
    if _is_bool(one) != _is_bool(other):
        return False
    try:
        return bool(one == other)
    except TypeError:  # the library's word for values of different types
        return False


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool | celtypes.BoolType)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not _is_bool(value)


def _plain(number: Any) -> int | float:
    return int(number) if isinstance(number, int) else float(number)


def _is_in(item: Any, container: Any) -> bool:
    if isinstance(container, dict):
        return container.get(item, _ABSENT) is not _ABSENT
    if not isinstance(container, list):
        raise TypeError("neither a list nor a map")
    return any(is_equal(item, each) for each in container)


def _truth(test: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    return lambda left, right: celtypes.BoolType(test(left, right))


def _ordered(name: str, compare: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    def test(left: Any, right: Any) -> Any:
        if _is_number(left) and _is_number(right):
            return celtypes.BoolType(compare(_plain(left), _plain(right)))
        if _is_bool(left) != _is_bool(right):
            raise TypeError("a bool and something else")
        return base_functions[name](left, right)

    return test


def _sum(left: Any, right: Any) -> Any:
    if isinstance(left, str | bytes | list) and isinstance(right, str | bytes | list):
        allow(len(left) + len(right))
    return base_functions["_+_"](left, right)


def _of_values(function: Callable[..., Any]) -> Callable[..., Any]:
    """The error of an operand that has no value is that of the whole."""
    return lambda *operands: error_in(operands) or function(*operands)


def _condition(asked: Any, *values: Any) -> Any:
    return error_in((asked,)) or base_functions["_?_:_"](asked, *values)


_ORDERS = {"_<_": operator.lt, "_<=_": operator.le, "_>_": operator.gt, "_>=_": operator.ge}
_STRICT: dict[str, Callable[..., Any]] = {
    "_==_": _truth(is_equal),
    "_!=_": _truth(lambda left, right: not is_equal(left, right)),
    "_in_": _truth(_is_in),
    **{name: _ordered(name, compare) for name, compare in _ORDERS.items()},
    "_+_": _sum,
    **{name: base_functions[name] for name in ("_-_", "_*_", "_/_", "_%_", "!_", "-_")},
}
OPERATORS: dict[str, Callable[..., Any]] = {
    **{name: _of_values(function) for name, function in _STRICT.items()},
    "_?_:_": _condition,
}
"""Operators by the names that the library has for them."""
