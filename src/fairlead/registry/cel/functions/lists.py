"""Functions of lists: apiserver ``pkg/cel/library/lists.go``, cel-go ``ext/lists.go`` and ``ext/sets.go``."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from celpy import celtypes

from fairlead.registry.cel.budget import allow
from fairlead.registry.cel.functions.results import Function, items, text, truth, whole


def _index(holder: Any, wanted: Any, start: int = 0) -> int:
    if isinstance(holder, str):
        return holder.find(wanted, start)
    return next((place for place, item in enumerate(holder) if item == wanted), -1)


def _last_index(holder: Any, wanted: Any, start: int | None = None) -> int:
    if isinstance(holder, str):
        return holder.rfind(wanted) if start is None else holder.rfind(wanted, 0, start + len(wanted))
    return next((place for place in reversed(range(len(holder))) if holder[place] == wanted), -1)


def _extreme(choose: Any) -> Function:
    def chosen(values: Any) -> Any:
        if not values:
            raise ValueError(f"{choose.__name__} called on empty list")
        return choose(values)

    return chosen


def _sum(values: Any) -> Any:
    if not values:
        return celtypes.IntType(0)
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _distinct(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _range(count: int) -> Iterator[Any]:
    allow(count)
    return map(celtypes.IntType, range(count))


def _flatten(values: Any, depth: int = 1) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list) and depth > 0:
            yield from _flatten(value, depth - 1)
        else:
            yield value


def _slice(values: Any, start: int, end: int) -> Any:
    if not 0 <= start <= end <= len(values):
        raise ValueError(f"cannot slice({start}, {end}), list is length {len(values)}")
    return values[start:end]


def _reverse(holder: Any) -> Any:
    made = text(lambda given: given[::-1]) if isinstance(holder, str) else items(lambda given: given[::-1])
    return made(holder)


def _contains(values: Any, others: Any) -> bool:
    return all(other in values for other in others)


FUNCTIONS: dict[str, Function] = {
    "indexOf": whole(_index),
    "lastIndexOf": whole(_last_index),
    "isSorted": truth(lambda values: all(before <= after for before, after in pairwise(values))),
    "sum": _sum,
    "max": _extreme(max),
    "min": _extreme(min),
    "distinct": items(_distinct),
    "flatten": items(_flatten),
    "slice": items(_slice),
    "sort": items(sorted),
    "reverse": _reverse,
    "lists.range": items(_range),
    "sets.contains": truth(_contains),
    "sets.equivalent": truth(lambda values, others: _contains(values, others) and _contains(others, values)),
    "sets.intersects": truth(lambda values, others: any(other in values for other in others)),
}
