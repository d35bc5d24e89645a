"""How much of a costly table runs: a part of it by default, all of it with ``FAIRLEAD_FULL=1`` in the environment.

The part has something of every kind of case, so that no subject is without a test.
"""

import os
from collections.abc import Sequence
from itertools import product
from typing import Any, TypeVar

IS_FULL = bool(os.environ.get("FAIRLEAD_FULL"))
T = TypeVar("T")


def some_of(some: int, full: int) -> int:
    """How many cases to draw."""
    return full if IS_FULL else some


def one_in(number: int, cases: Sequence[T]) -> list[T]:
    """One in so many of the cases of a table in which they are alike, the first one included."""
    return list(cases if IS_FULL else cases[::number])


def each_once(*tables: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Combinations of a case of each table in which every case of every table comes; in a full run, all of them."""
    if IS_FULL:
        return list(product(*tables))
    return [tuple(table[i % len(table)] for table in tables) for i in range(max(map(len, tables)))]
