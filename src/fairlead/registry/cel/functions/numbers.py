"""Quantities and semantic versions: apiserver ``pkg/cel/library/{quantity,semverlib}.go``."""

import re
from collections.abc import Callable
from fractions import Fraction
from functools import total_ordering
from typing import Any

from celpy import celtypes

from fairlead.model.quantities import quantity
from fairlead.registry.cel.functions.results import Function, parses, truth, whole


@total_ordering
class Quantity:
    """An amount, such as ``1.5Gi``."""

    def __init__(self, number: Fraction) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.number == other.number

    def __lt__(self, other: "Quantity") -> bool:
        return self.number < other.number

    def __hash__(self) -> int:
        return hash(self.number)

    def plus(self, other: Any, sign: int = 1) -> "Quantity":
        """The sum with, or difference from, another quantity or a whole number."""
        more = other.number if isinstance(other, Quantity) else Fraction(int(other))
        return Quantity(self.number + sign * more)

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole number of 64 bits."""
        return self.number.denominator == 1 and -(2**63) <= self.number < 2**63

    @property
    def whole(self) -> int:
        """Raises ValueError: it is none."""
        if not self.is_whole:
            raise ValueError("cannot convert value to integer")
        return int(self.number)


def _quantity(given: str) -> Quantity:
    number = quantity(str(given))
    if number is None:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    return Quantity(number)


_VERSION = re.compile(
    r"(?P<major>0|[1-9]\d*)\.(?P<minor>0|[1-9]\d*)\.(?P<patch>0|[1-9]\d*)"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_LOOSE = re.compile(r"v?(?P<numbers>\d+(\.\d+){0,2})(?P<rest>[-+].*)?", re.ASCII)


@total_ordering
class SemanticVersion:
    """A semantic version, in the order of semver.org."""

    def __init__(self, given: str) -> None:
        match = _VERSION.fullmatch(given)
        if match is None:
            raise ValueError(f"{given!r} is no semantic version")
        self.numbers = int(match["major"]), int(match["minor"]), int(match["patch"])
        self._pre = tuple((1, 0, part) if not part.isdigit() else (0, int(part), "") for part in _parts(match["pre"]))

    @property
    def _rank(self) -> tuple[Any, ...]:
        return (*self.numbers, not self._pre, self._pre)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SemanticVersion) and self._rank == other._rank

    def __lt__(self, other: "SemanticVersion") -> bool:
        return bool(self._rank < other._rank)

    def __hash__(self) -> int:
        return hash(self._rank)


def _parts(pre: str | None) -> list[str]:
    return pre.split(".") if pre else []


def _version(given: str, normalize: bool = False) -> SemanticVersion:
    loose = _LOOSE.fullmatch(given) if normalize else None
    if loose is None:
        return SemanticVersion(given)
    numbers = [str(int(number)) for number in loose["numbers"].split(".")]
    return SemanticVersion(".".join([*numbers, "0", "0"][:3]) + (loose["rest"] or ""))


def _is_version(given: str, normalize: bool = False) -> Any:
    return parses(lambda text: _version(text, normalize))(given)


def _compared(first: Any, second: Any) -> int:
    return int(first > second) - int(first < second)


def _number(place: int) -> Callable[[SemanticVersion], int]:
    return lambda version: version.numbers[place]


FUNCTIONS: dict[str, Function] = {
    "quantity": _quantity,
    "isQuantity": parses(_quantity),
    "isInteger": truth(lambda amount: amount.is_whole),
    "asInteger": whole(lambda amount: amount.whole),
    "asApproximateFloat": lambda amount: celtypes.DoubleType(float(amount.number)),
    "sign": whole(lambda amount: (amount.number > 0) - (amount.number < 0)),
    "add": lambda amount, other: amount.plus(other),
    "sub": lambda amount, other: amount.plus(other, -1),
    "isGreaterThan": truth(lambda first, second: first > second),
    "isLessThan": truth(lambda first, second: first < second),
    "compareTo": whole(_compared),
    "semver": _version,
    "isSemver": _is_version,
    "major": whole(_number(0)),
    "minor": whole(_number(1)),
    "patch": whole(_number(2)),
}
