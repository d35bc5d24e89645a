"""Functions of strings: cel-go ``ext/strings.go`` and ``ext/formatting.go``, apiserver ``pkg/cel/library/regex.go``."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2
from celpy import celtypes

from fairlead.registry.cel.budget import allow
from fairlead.registry.cel.functions.results import Function, text, texts, truth

_VERB = re.compile(r"%(?:\.(?P<digits>\d+))?(?P<verb>[a-zA-Z%])")


_MOST_DIGITS = 1000
_QUIET = re2.Options()
_QUIET.log_errors = False


@lru_cache(maxsize=1024)
def pattern_of(pattern: str) -> Any:
    """A pattern, which the data of a user can be a part of. It is matched in time linear in the text, unlike in the
    language's own ``matches``.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        return re2.compile(pattern, _QUIET)
    except re2.error as error:
        raise ValueError(f"error parsing regexp: {error.args[0].decode(errors='replace')}") from None


def _find(given: str, pattern: str) -> str:
    match = pattern_of(pattern).search(given)
    return match[0] if match else ""


def _find_all(given: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match[0] for match in pattern_of(pattern).finditer(given)]
    return found if limit < 0 else found[:limit]


def _split(given: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        return list(given) if limit < 0 else [*given[: limit - 1], given[limit - 1 :]]
    return given.split(separator, limit - 1 if limit > 0 else -1)


def _replace(given: str, old: str, new: str, limit: int = -1) -> str:
    allow(len(given) + len(new) * given.count(old))
    return str(given).replace(old, new, limit)


def _join(items: Any, separator: str = "") -> str:
    allow(sum(map(len, items)) + len(separator) * len(items))
    return separator.join(items)


def _substring(given: str, start: int, end: int | None = None) -> str:
    stop = len(given) if end is None else end
    if not 0 <= start <= stop <= len(given):
        raise ValueError(f"index out of range: {start} to {stop}")
    return given[start:stop]


def _char_at(given: str, place: int) -> str:
    if not 0 <= place <= len(given):
        raise ValueError(f"index out of range: {place}")
    return given[place : place + 1]


def _of_case(change: Callable[[str], str]) -> Function:
    """Of letters of ASCII alone."""
    return text(lambda given: "".join(change(each) if each.isascii() else each for each in given))


def _quoted(given: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a", "\b": "\\b"}
    escapes |= {"\f": "\\f", "\v": "\\v"}
    return '"' + "".join(escapes.get(each, each) for each in given) + '"'


def _format(pattern: str, values: Any) -> str:
    left = iter(values)

    def shown(match: re.Match[str]) -> str:
        if match["verb"] == "%":
            return "%"
        try:
            value = next(left)
        except StopIteration:
            raise ValueError(f"index {len(values)} out of range") from None
        if match["verb"] not in _SHOWN:
            raise ValueError(f'unrecognized formatting clause "{match["verb"]}"')
        digits = int(match["digits"] or 6)
        if digits > _MOST_DIGITS:
            raise ValueError(f"precision must not be greater than {_MOST_DIGITS}: {digits}")
        return _SHOWN[match["verb"]](value, digits)

    return _VERB.sub(shown, pattern)


def said(value: Any) -> str:
    """A value as ``%s`` shows it."""
    if isinstance(value, celtypes.BoolType):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(map(said, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{said(key)}: {said(item)}" for key, item in value.items())) + "}"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _hexadecimal(value: Any, digits: int) -> str:
    return value.encode().hex() if isinstance(value, str) else f"{int(value):x}"


_SHOWN: dict[str, Callable[[Any, int], str]] = {
    "s": lambda value, digits: said(value),
    "d": lambda value, digits: str(int(value)),
    "f": lambda value, digits: f"{float(value):.{digits}f}",
    "e": lambda value, digits: f"{float(value):.{digits}e}",
    "b": lambda value, digits: f"{int(value):b}",
    "o": lambda value, digits: f"{int(value):o}",
    "x": _hexadecimal,
    "X": lambda value, digits: _hexadecimal(value, digits).upper(),
}

OF_PATTERNS = ("matches", "find", "findAll")
"""The functions whose second argument is a pattern."""
FUNCTIONS: dict[str, Function] = {
    "matches": truth(lambda given, pattern: pattern_of(pattern).search(given)),
    "find": text(_find),
    "findAll": texts(_find_all),
    "charAt": text(_char_at),
    "format": text(_format),
    "join": text(_join),
    "lowerAscii": _of_case(str.lower),
    "upperAscii": _of_case(str.upper),
    "replace": text(_replace),
    "split": texts(_split),
    "substring": text(_substring),
    "trim": text(lambda given: given.strip()),
    "strings.quote": text(_quoted),
}
