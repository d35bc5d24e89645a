"""Reads fields of unchecked documents: a field that is absent or of another type reads as empty."""

from collections.abc import Iterator, Mapping
from typing import Any

from fairlead.model.document import Doc

_NOTHING: Doc = {}


def at(document: Any, *path: str) -> Any:
    """The value at a path of keys; None where the path ends early."""
    for key in path:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def text(document: Any, *path: str) -> str:
    """The text at a path; "" where there is none."""
    value = at(document, *path)
    return value if isinstance(value, str) else ""


def number(document: Any, *path: str, default: int = 0) -> int:
    """The whole number at a path."""
    value = at(document, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def flag(document: Any, *path: str) -> bool:
    """Whether the value at a path is true."""
    return at(document, *path) is True


def rows(document: Any, *path: str) -> Iterator[Doc]:
    """The objects of the list at a path."""
    value = at(document, *path)
    yield from (row for row in value if isinstance(row, dict)) if isinstance(value, list) else ()


def texts(document: Any, *path: str) -> tuple[str, ...]:
    """The texts of the list at a path."""
    value = at(document, *path)
    return tuple(row for row in value if isinstance(row, str)) if isinstance(value, list) else ()


def pairs(document: Any, *path: str) -> dict[str, str]:
    """The pairs of texts of the mapping at a path, such as labels."""
    value = at(document, *path)
    found = value.items() if isinstance(value, Mapping) else ()
    return {str(key): each for key, each in found if isinstance(each, str)}


def mapping(document: Any, *path: str) -> Doc:
    """The object at a path, empty where there is none."""
    value = at(document, *path)
    return value if isinstance(value, dict) else _NOTHING


def name_of(document: Any) -> str:
    return text(document, "metadata", "name")


def namespace_of(document: Any) -> str:
    return text(document, "metadata", "namespace")
