"""Macros of expressions: evaluated for each element of a list or map, or for an optional value.

Source: the CEL specification (``doc/langdef.md``), cel-go ``ext/comprehensions.go`` and ``cel/library.go``.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import lark
from celpy import celtypes
from celpy.evaluation import CELEvalError

from fairlead.registry.cel.budget import RuleError
from fairlead.registry.cel.functions.optionals import NONE, Optional


class Evaluating(Protocol):
    """The part of the evaluator that macros use."""

    def with_variables(self, expression: Any, **variables: Any) -> Any:
        """The value of an expression in which more variables have values; errors are values too."""

    def method_eval(self, subject: Any, name: lark.Token) -> Any:
        """The value of a method that is called without arguments."""


def error_in(values: Iterable[Any]) -> CELEvalError | None:
    """The first value that is an error."""
    return next((value for value in values if isinstance(value, CELEvalError)), None)


def identifier(tree: Any) -> str:
    """The name, if an expression is only a name."""
    while isinstance(tree, lark.Tree) and len(tree.children) == 1:
        if tree.data == "ident":
            return str(tree.children[0])
        tree = tree.children[0]
    return ""


def dotted_name(tree: Any) -> str:
    """The dotted name, if an expression is only that, such as ``Object.spec``."""
    while isinstance(tree, lark.Tree) and len(tree.children) == 1 and tree.data != "ident":
        tree = tree.children[0]
    if getattr(tree, "data", "") == "ident":
        return str(tree.children[0])
    if getattr(tree, "data", "") != "member_dot":
        return ""
    holder = dotted_name(tree.children[0])
    return f"{holder}.{tree.children[1]}" if holder else ""


def _opt_map(evaluator: Evaluating, subject: Any, arguments: list[Any], flat: bool = False) -> Any:
    if not isinstance(subject, Optional):
        return CELEvalError("no such overload", TypeError, None)
    if not subject.has_value:
        return NONE
    value = evaluator.with_variables(arguments[1], **{identifier(arguments[0]): subject.value})
    return value if flat or isinstance(value, CELEvalError) else Optional(value)


def _opt_flat_map(evaluator: Evaluating, subject: Any, arguments: list[Any]) -> Any:
    return _opt_map(evaluator, subject, arguments, flat=True)


def _map_some(evaluator: Evaluating, subject: Any, arguments: list[Any]) -> Any:
    """``list.map(x, condition, value)``."""
    name, items = identifier(arguments[0]), celtypes.ListType()
    for item in subject:
        holds = evaluator.with_variables(arguments[1], **{name: item})
        value = evaluator.with_variables(arguments[2], **{name: item}) if holds is not False and holds else holds
        if isinstance(value, CELEvalError):
            return value
        if holds:
            items.append(value)
    return items


def _min(evaluator: Evaluating, subject: Any, arguments: list[Any]) -> Any:
    """A macro for the library, a function for Kubernetes."""
    return evaluator.method_eval(subject, lark.Token("IDENT", "min"))


def _pairs(subject: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(subject, celtypes.MapType):
        yield from subject.items()
    else:
        yield from ((celtypes.IntType(index), item) for index, item in enumerate(subject))


def _each(evaluator: Evaluating, subject: Any, arguments: list[Any], expression: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Each index or key and its value, and what an expression makes of them."""
    first, second = identifier(arguments[0]), identifier(arguments[1])
    for key, value in _pairs(subject):
        yield key, value, evaluator.with_variables(expression, **{first: key, second: value})


def _decided(found: Iterable[Any], wanted: bool) -> Any:
    """Whether one of the values is the deciding one; an error only if none is."""
    error = None
    for value in found:
        if isinstance(value, CELEvalError):
            error = value
        elif bool(value) == wanted:
            return celtypes.BoolType(wanted)
    return error or celtypes.BoolType(not wanted)


def _all(evaluator: Evaluating, subject: Any, arguments: list[Any]) -> Any:
    return _decided((value for *_, value in _each(evaluator, subject, arguments, arguments[2])), wanted=False)


def _exists(evaluator: Evaluating, subject: Any, arguments: list[Any]) -> Any:
    return _decided((value for *_, value in _each(evaluator, subject, arguments, arguments[2])), wanted=True)


def _exists_one(evaluator: Evaluating, subject: Any, arguments: list[Any]) -> Any:
    values = [value for *_, value in _each(evaluator, subject, arguments, arguments[-1])]
    return error_in(values) or celtypes.BoolType(sum(map(bool, values)) == 1)


def _transform(evaluator: Evaluating, subject: Any, arguments: list[Any], items: Any, add: Callable[..., None]) -> Any:
    for key, value, holds in _each(evaluator, subject, arguments, arguments[2]):
        made = holds
        if len(arguments) > 3 and not isinstance(holds, CELEvalError):
            if not holds:
                continue
            names = {identifier(arguments[0]): key, identifier(arguments[1]): value}
            made = evaluator.with_variables(arguments[3], **names)
        if isinstance(made, CELEvalError):
            return made
        add(items, key, made)
    return items


def _transform_list(evaluator: Evaluating, subject: Any, arguments: list[Any]) -> Any:
    return _transform(evaluator, subject, arguments, celtypes.ListType(), lambda items, key, made: items.append(made))


def _transform_map(evaluator: Evaluating, subject: Any, arguments: list[Any]) -> Any:
    return _transform(evaluator, subject, arguments, celtypes.MapType(), dict.__setitem__)


def _transform_entries(evaluator: Evaluating, subject: Any, arguments: list[Any]) -> Any:
    """``transformMapEntry``: each step makes a map; keys must not repeat."""
    merged = celtypes.MapType()

    def add(items: Any, key: Any, made: Any) -> None:
        for name, value in made.items():
            if name in items:
                raise RuleError(f"insert failed: key '{name}' already exists")
            items[name] = value

    try:
        return _transform(evaluator, subject, arguments, merged, add)
    except RuleError as error:
        return CELEvalError(str(error), KeyError, None)


def _sort_by(evaluator: Evaluating, subject: Any, arguments: list[Any]) -> Any:
    """``list.sortBy(x, key)``."""
    name = identifier(arguments[0])
    keys = [evaluator.with_variables(arguments[1], **{name: item}) for item in subject]
    if error := error_in(keys):
        return error
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return celtypes.ListType([subject[index] for index in order])


MACROS: dict[tuple[str, int], Callable[[Evaluating, Any, list[Any]], Any]] = {
    ("optMap", 2): _opt_map,
    ("optFlatMap", 2): _opt_flat_map,
    ("map", 3): _map_some,
    ("min", 0): _min,
    ("all", 3): _all,
    ("exists", 3): _exists,
    ("existsOne", 3): _exists_one,
    ("exists_one", 3): _exists_one,
    ("transformList", 3): _transform_list,
    ("transformList", 4): _transform_list,
    ("transformMap", 3): _transform_map,
    ("transformMap", 4): _transform_map,
    ("transformMapEntry", 3): _transform_entries,
    ("transformMapEntry", 4): _transform_entries,
    ("sortBy", 2): _sort_by,
}
MACRO_NAMES = frozenset({"all", "dyn", "exists", "exists_one", "filter", "has", "map", *(name for name, _ in MACROS)})
