"""Rules in the Common Expression Language (CEL): parsed once, evaluated within a bound.

The language itself is the library ``cel-python``; Kubernetes' additions (``pkg/cel/library``) are here. The library is
imported when the first rule is compiled: most clusters have none.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.cel.budget import Budget, Unsupported
from fairlead.registry.cel.static_types import DYN, StaticType, object_of

Expression = Callable[[dict[str, Any], Budget], Any]


@lru_cache(maxsize=4096)
def compiled(text: str) -> Expression:
    """The function of an expression, from (variables as expressions have them, budget) to its value.

    Raises:
        Unsupported: it cannot be compiled.
    """
    from fairlead.registry.cel import library

    tree = _tree(text)
    if unknown := library.called(tree) - library.KNOWN:
        raise Unsupported(f"undeclared reference to '{min(unknown)}'")
    return lambda variables, budget: library.evaluate(tree, variables, budget)


def undeclared(text: str, declared: frozenset[str]) -> str:
    """The first undeclared name in an expression; empty if there is none.

    Raises:
        Unsupported: it is no valid expression.
    """
    from fairlead.registry.cel import library

    return min(library.variables(_tree(text)) - declared, default="")


def unreadable_pattern(text: str) -> str:
    """Why the first literal pattern in an expression cannot be read; empty if all can be.

    Raises:
        Unsupported: it is no valid expression.
    """
    from fairlead.registry.cel import library

    return library.unreadable_pattern(_tree(text))


def type_faults(text: str, types: Mapping[str, tuple[str, str]], variables: Iterable[tuple[str, str]]) -> str:
    """The type errors of an expression, as a compiler shows them; empty if there are none.

    Args:
        types: by name of an object that the expression knows, its type in the catalogue and the name that messages
            give it.
        variables: name and expression of each field of the name ``variables``; one may use those before it.

    Raises:
        Unsupported: it is no valid expression.
    """
    from fairlead.registry.cel.type_check import check_types, shown

    names = {name: object_of(*type_) for name, type_ in types.items()}
    known = {}
    for name, expression in variables:
        try:
            _tree(expression)
        except Unsupported:
            known[name] = DYN
        else:
            known[name] = check_types(expression, names, known).type
    _tree(text)
    return shown(text, check_types(text, names, known).faults)


def checked(text: str, names: Mapping[str, StaticType]) -> tuple[StaticType, str]:
    """The type of an expression, and what is wrong with the types in it, as a compiler shows it.

    Raises:
        Unsupported: it is no valid expression.
    """
    from fairlead.registry.cel.type_check import check_types, shown

    _tree(text)
    found = check_types(text, names, {})
    return found.type, shown(text, found.faults)


@lru_cache(maxsize=4096)
def _tree(text: str) -> Any:
    from fairlead.registry.cel import library

    try:
        return library.parse(text)
    except Exception as error:  # whatever the parser makes of it
        raise Unsupported(f"Syntax error: {str(error).strip().splitlines()[0]}") from None


def spelled(value: Any, schema: Doc) -> Any:
    """A JSON value of a custom kind as its rules have it."""
    from fairlead.registry.cel import values

    return values.by_schema(value, schema)


def plain(value: Any) -> Any:
    """A JSON value with the names that its fields have."""
    from fairlead.registry.cel import values

    return values.plain(value)


def optional(*value: Any) -> Any:
    """The optional value with this value of expressions, or with none."""
    from fairlead.registry.cel.functions.optionals import Optional

    return Optional(*value)


def json_value(value: Any) -> Any:
    """A value of an expression as JSON has it.

    Raises:
        ValueError: JSON has no such value.
    """
    from fairlead.registry.cel import made_objects

    return made_objects.json_value(value)


def made_type(value: Any) -> str:
    """The type of an object that an expression made; empty for any other value."""
    from fairlead.registry.cel import made_objects

    return made_objects.type_name(value)
