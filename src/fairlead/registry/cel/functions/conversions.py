"""Conversions of strings, as strict as upstream: cel-go ``common/types/string.go``, Go's ``strconv`` and ``time``."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from celpy import celtypes
from celpy.evaluation import base_functions

from fairlead.registry.cel.functions.results import Function

_LONGEST = 2**63 / 10**9  # seconds of a duration: Go counts nanoseconds in 64 bits
_DECIMAL = r"(\d+(\.\d*)?|\.\d+)"
_BOOLS = {**dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True)}
_BOOLS |= dict.fromkeys(("0", "f", "F", "false", "False", "FALSE"), False)


class _Conversion(NamedTuple):
    """A type's name in messages, what strings of it look like, and the value of such a string."""

    type_name: str
    form: re.Pattern[str]
    value: Callable[[str], Any]


def _duration(given: str) -> Any:
    plain = given.replace("µ", "u").replace("μ", "u")
    found = celtypes.DurationType(plain if plain.lstrip("+-") != "0" else "0s")
    if abs(found.total_seconds()) >= _LONGEST:
        raise ValueError("longer than Go's durations")
    return found


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


_CONVERSIONS = {
    "int": _Conversion("int", _form(r"[+-]?\d+"), celtypes.IntType),
    "uint": _Conversion("uint", _form(r"\d+"), celtypes.UintType),
    "double": _Conversion(
        "double", _form(rf"[+-]?({_DECIMAL}([eE][+-]?\d+)?|(?i:inf|infinity))|(?i:nan)"), celtypes.DoubleType
    ),
    "bool": _Conversion("bool", _form("|".join(_BOOLS)), lambda given: celtypes.BoolType(_BOOLS[given])),
    "duration": _Conversion(
        "google.protobuf.Duration", _form(rf"[+-]?(0|({_DECIMAL}(ns|us|µs|μs|ms|s|m|h))+)"), _duration
    ),
    "timestamp": _Conversion(
        "google.protobuf.Timestamp",
        _form(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)"),
        lambda given: celtypes.TimestampType(given.replace(",", ".")),
    ),
}


def _strict(name: str, conversion: _Conversion) -> Function:
    def convert(given: Any) -> Any:
        if not isinstance(given, str):
            return base_functions[name](given)
        try:
            if conversion.form.fullmatch(given):
                return conversion.value(str(given))
        except (ValueError, OverflowError):
            pass  # of this form, but out of range
        raise ValueError(f"type conversion error from 'string' to '{conversion.type_name}'")

    return convert


FUNCTIONS: dict[str, Function] = {name: _strict(name, each) for name, each in _CONVERSIONS.items()}
