"""Faults of fields, in upstream's words.

Upstream: apimachinery ``pkg/util/validation/field/errors.go``. The text of an error is compared by users' tests, so it
    is reproduced exactly, including Go's value formatting.
"""

import enum
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec


class ErrorType(enum.Enum):
    """Types of field errors: the machine-readable cause, and the beginning of the message."""

    NOT_FOUND = ("FieldValueNotFound", "Not found")
    REQUIRED = ("FieldValueRequired", "Required value")
    DUPLICATE = ("FieldValueDuplicate", "Duplicate value")
    INVALID = ("FieldValueInvalid", "Invalid value")
    NOT_SUPPORTED = ("FieldValueNotSupported", "Unsupported value")
    FORBIDDEN = ("FieldValueForbidden", "Forbidden")
    TOO_LONG = ("FieldValueTooLong", "Too long")
    TOO_MANY = ("FieldValueTooMany", "Too many")

    @property
    def reason(self) -> str:
        return self.value[0]

    @property
    def label(self) -> str:
        return self.value[1]


# The fault of an address that each client would read as its own host.
NOT_LOOPBACK = "may not be in the loopback range (127.0.0.0/8, ::1/128)"

_WITHOUT_VALUE = {ErrorType.REQUIRED, ErrorType.FORBIDDEN, ErrorType.TOO_LONG}


class FieldError(NamedTuple):
    """One fault of one field.

    Attributes:
        path: as users write it, such as ``spec.ports[0].nodePort``.
        value: the offending JSON value; not shown for the types that have none.
        detail: the rest of the message; may be empty.
    """

    type: ErrorType
    path: str
    value: Any
    detail: str

    @property
    def body(self) -> str:
        """The message without the path, as it stands in ``details.causes[].message``."""
        head = self.type.label
        if self.type not in _WITHOUT_VALUE:
            head = f"{head}: {go_format(self.value)}"
        return f"{head}: {self.detail}" if self.detail else head

    def __str__(self) -> str:
        return f"{self.path}: {self.body}"


def invalid(path: str, value: Any, detail: str) -> FieldError:
    return FieldError(ErrorType.INVALID, path, value, detail)


def required(path: str, detail: str = "") -> FieldError:
    return FieldError(ErrorType.REQUIRED, path, None, detail)


def duplicate(path: str, value: Any) -> FieldError:
    return FieldError(ErrorType.DUPLICATE, path, value, "")


def forbidden(path: str, detail: str) -> FieldError:
    return FieldError(ErrorType.FORBIDDEN, path, None, detail)


def not_found(path: str, value: Any) -> FieldError:
    return FieldError(ErrorType.NOT_FOUND, path, value, "")


def too_long(path: str, limit: int) -> FieldError:
    return FieldError(ErrorType.TOO_LONG, path, None, f"may not be more than {limit} bytes")


def too_many(path: str, actual: int, limit: int) -> FieldError:
    return FieldError(ErrorType.TOO_MANY, path, actual, f"must have at most {limit} items")


def not_supported(path: str, value: Any, supported: Iterable[str]) -> FieldError:
    """A value outside a closed set; the set is shown sorted and quoted, as upstream does."""
    choices = ", ".join(f'"{choice}"' for choice in sorted(supported))
    return FieldError(ErrorType.NOT_SUPPORTED, path, value, f"supported values: {choices}" if choices else "")


def go_format(value: Any) -> str:
    """A value as Go's error text shows it: strings quoted, everything else as JSON."""
    if value is None:
        return "null"
    return msgspec.json.encode(value).decode()
