"""JSON values as expressions have them.

In the rules of a custom kind, fields whose names are no identifiers are spelled out (KEP-2876); elsewhere names are as
they are.
"""

from collections.abc import Callable
from typing import Any

from celpy import celtypes

_WORDS = frozenset(
    {
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
    }
    | {"loop", "package", "namespace", "return", "var", "void", "while"}
)
_SIGNS = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}

Spelling = Callable[[str], str]


def plain(name: str) -> str:
    """A name as it is."""
    return name


def escaped(name: str) -> str:
    """A name that expressions can say: reserved words and signs are spelled out."""
    if name in _WORDS:
        return f"__{name}__"
    for sign, spelled in _SIGNS.items():
        name = name.replace(sign, spelled)
    return name


def cel_value(value: Any, spelling: Spelling) -> Any:
    """A JSON value with its fields under the names of a spelling. What is no JSON value is one of expressions already,
    or none at all."""
    if isinstance(value, celtypes.MapType | celtypes.ListType):
        return value
    if isinstance(value, dict):
        items = {celtypes.StringType(spelling(name)): cel_value(item, spelling) for name, item in value.items()}
        return celtypes.MapType(items)
    if isinstance(value, list):
        return celtypes.ListType([cel_value(item, spelling) for item in value])
    made = _SCALARS.get(type(value))
    return made(value) if made else value


_SCALARS: dict[type, Any] = {
    bool: celtypes.BoolType,
    int: celtypes.IntType,
    float: celtypes.DoubleType,
    str: celtypes.StringType,
}
