"""The JSON paths of printer columns, scale and selectable fields: ``.spec.a``, ``.items[0]``, ``.list[*].name``, and
``.conditions[?(@.type=="Ready")].status``.

Upstream: client-go ``util/jsonpath``, of which definitions may use what stands above.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.(?P<field>(?:[^.\[\]\\]|\\.)+)
    | \[\s*(?P<index>-?\d+)\s*\]
    | \[\s*'(?P<quoted>(?:[^'\\]|\\.)+)'\s*\]
    | (?P<all>\[\s*\*\s*\])
    | \[\?\(\s*@\.(?P<by>[^=!<>\s]+)\s*==\s*(?P<quote>["']?)(?P<value>.*?)(?P=quote)\s*\)\]
    """,
    re.VERBOSE,
)
Step = Callable[[Any], Iterator[Any]]


class BadPath(ValueError):
    """The text is no path of the kind that definitions may use."""


@lru_cache(maxsize=4096)
def steps_of(path: str) -> tuple[Step, ...]:
    """The steps of a path.

    Raises:
        BadPath: it cannot be read.
    """
    found, position = [], 0
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
    if match["index"]:
        return _item(int(match["index"]))
    if match["by"]:
        return _selected(match["by"], match["value"])
    return _field(re.sub(r"\\(.)", r"\1", match["field"] or match["quoted"]))


def _field(name: str) -> Step:
    return lambda value: iter([value[name]] if isinstance(value, dict) and name in value else [])


def _item(index: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return step


def _all(value: Any) -> Iterator[Any]:
    return iter(value if isinstance(value, list) else value.values() if isinstance(value, dict) else ())


def _selected(field: str, wanted: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        for item in value if isinstance(value, list) else ():
            if any(_text(found) == wanted for found in found_at(item, f".{field}")):
                yield item

    return step


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
