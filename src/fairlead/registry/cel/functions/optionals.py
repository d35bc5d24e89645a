"""Optional values. Source: cel-go ``cel/library.go`` (OptionalTypes)."""

from collections.abc import Callable
from typing import Any

from celpy import celtypes


class Optional:
    """A value that might be absent."""

    def __init__(self, *value: Any) -> None:
        self._value = value

    @property
    def has_value(self) -> bool:
        return bool(self._value)

    @property
    def value(self) -> Any:
        """The value. Raises ValueError: there is none."""
        if not self._value:
            raise ValueError("optional.none() dereference")
        return self._value[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Optional) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


NONE = Optional()


def _of_non_zero(value: Any) -> Optional:
    is_zero = value is None or value in ("", b"") or (isinstance(value, int | float | list | dict) and not value)
    return NONE if is_zero else Optional(value)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "optional.of": Optional,
    "optional.none": lambda: NONE,
    "optional.ofNonZeroValue": _of_non_zero,
    "hasValue": lambda optional: celtypes.BoolType(optional.has_value),
    "value": lambda optional: optional.value,
    "or": lambda optional, other: optional if optional.has_value else other,
    "orValue": lambda optional, other: optional.value if optional.has_value else other,
}
