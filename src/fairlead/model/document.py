"""An object as JSON writes it, where its fields are not known or not this program's to know."""

from typing import Any

Doc = dict[str, Any]


def as_object(value: Any) -> Doc:
    """The value, or an empty object if it is none: what a client sent may be anything."""
    return value if isinstance(value, dict) else {}
