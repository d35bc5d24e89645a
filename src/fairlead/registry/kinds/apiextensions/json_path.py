"""The JSON paths of printer columns, scale and selectable fields: ``.spec.a``, ``.items[0]``, ``.items[-2:]``,
``.list[*].name``, ``..name``, and ``.conditions[?(@.type=="Ready")].status``.

Upstream: client-go ``util/jsonpath``, of which definitions may use what stands above.
"""

import operator
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.\.(?P<deep>[^.\[\]\\*]+)
    | (?P<all>\.\*|\[\s*\*\s*\])
    | \.(?P<field>(?:[^.\[\]\\*]|\\.)+)
    | \[\s*(?P<slice>-?\d*\s*:\s*-?\d*(?:\s*:\s*[1-9]\d*)?)\s*\]
    | \[\s*(?P<indexes>-?\d+(?:\s*,\s*-?\d+)*)\s*\]
    | \[\s*'(?P<quoted>(?:[^'\\]|\\.)+)'\s*\]
    | \[\?\(\s*@\.(?P<by>[^=!<>\s)]+)\s*
        (?:(?P<how>==|!=|<=|>=|<|>)\s*(?P<quote>["']?)(?P<value>.*?)(?P=quote)\s*)?\)\]
    """,
    re.VERBOSE,
)
_ROOT = re.compile(r"\s*\$?(?=[.\[]|$)")
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Step = Callable[[Any], Iterator[Any]]


class BadPath(ValueError):
    """The text is no path of the kind that definitions may use."""


@lru_cache(maxsize=4096)
def steps_of(path: str) -> tuple[Step, ...]:
    """The steps of a path.

    Raises:
        BadPath: it cannot be read.
    """
    begin = _ROOT.match(path)
    found: list[Step] = []
    position = begin.end() if begin else 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise BadPath(f"invalid path {path!r}: nothing known stands at {path[position:]!r}")
        found.append(_step(match))
        position = match.end()
    return tuple(found)


def found_at(document: Any, path: str) -> list[Any]:
    """The values at a path; none where it leads nowhere."""
    values = [document]
    for step in steps_of(path):
        values = [after for before in values for after in step(before)]
    return values


def _step(match: re.Match[str]) -> Step:
    if match["all"]:
        return _all
    if match["deep"]:
        return _deep(match["deep"])
    if match["slice"]:
        return _slice(*(int(part) if part.strip() else None for part in match["slice"].split(":")))
    if match["indexes"]:
        return _items([int(index) for index in match["indexes"].split(",")])
    if match["by"]:
        return _selected(match["by"], match["how"], match["value"])
    return _field(re.sub(r"\\(.)", r"\1", match["field"] or match["quoted"]))


def _field(name: str) -> Step:
    return lambda value: iter([value[name]] if isinstance(value, dict) and name in value else [])


def _deep(name: str) -> Step:
    """A field, however far down it is."""

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]
        for below in _all(value):
            yield from step(below)

    return step


def _items(indexes: list[int]) -> Step:
    def step(value: Any) -> Iterator[Any]:
        for index in indexes if isinstance(value, list) else ():
            if -len(value) <= index < len(value):
                yield value[index]

    return step


def _slice(*bounds: int | None) -> Step:
    return lambda value: iter(value[slice(*bounds)] if isinstance(value, list) else [])


def _all(value: Any) -> Iterator[Any]:
    return iter(value if isinstance(value, list) else value.values() if isinstance(value, dict) else ())


def _selected(field: str, how: str | None, wanted: str | None) -> Step:
    def step(value: Any) -> Iterator[Any]:
        for item in value if isinstance(value, list) else ():
            found = found_at(item, f".{field}")
            if any(_holds(each, how, wanted or "") for each in found) if how else found:
                yield item

    return step


def _holds(value: Any, how: str, wanted: str) -> bool:
    """Numbers are compared as numbers, everything else as texts."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return _COMPARED[how](value, float(wanted))
        except ValueError:
            return False
    return _COMPARED[how](_text(value), wanted)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
