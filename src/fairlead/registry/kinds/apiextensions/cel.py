"""What the library ``cel-python`` needs to be told: Kubernetes' functions, names of fields, and when to stop."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import celpy
import lark
import re2
from celpy import celtypes
from celpy.evaluation import CELEvalError, Evaluator, base_functions

from fairlead.registry.kinds.apiextensions.budget import Budget, RuleError
from fairlead.registry.kinds.apiextensions.formats import has_format

_MACROS = frozenset({"all", "exists", "exists_one", "filter", "has", "map", "dyn", "reduce", "min"})
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


class Library:
    """The environment that all rules share."""

    def __init__(self) -> None:
        self.environment = celpy.Environment(runner_class=celpy.InterpretedRunner)
        self.functions = FUNCTIONS
        self.known = base_functions.keys() | FUNCTIONS.keys() | _MACROS

    def called(self, tree: lark.Tree[Any]) -> set[str]:
        """The names of all functions and methods that an expression calls."""
        calls = tree.find_pred(lambda node: node.data in ("ident_arg", "member_dot_arg", "dot_ident_arg"))
        return {str(token) for call in calls for token in call.children if isinstance(token, lark.Token)}

    def evaluate(self, program: Any, variables: dict[str, Any], budget: Budget) -> Any:
        """The value of a program.

        Raises:
            RuleError: it has none. TooCostly: the budget did not suffice.
        """
        evaluator = _Bounded(program.ast, program.new_activation(), budget)
        try:
            return evaluator.evaluate({name: cel_value(value) for name, value in variables.items()})
        except CELEvalError as error:
            raise RuleError(str(error.args[0])) from None
        except (TypeError, ValueError, KeyError, RecursionError) as error:
            raise RuleError(str(error)) from None


class _Bounded(Evaluator):  # type: ignore[misc]  # the library is not typed
    """An evaluator that counts its steps, those of macros too."""

    def __init__(self, ast: Any, activation: Any, budget: Budget) -> None:
        super().__init__(ast, activation)
        self._budget = budget

    def sub_evaluator(self, ast: Any) -> "_Bounded":
        return _Bounded(ast, self.activation, self._budget)

    def visit_children(self, tree: Any) -> Any:
        self._budget.spend()
        return super().visit_children(tree)


def cel_value(value: Any) -> Any:
    """A JSON value as CEL knows it, with fields under names that expressions can say."""
    if isinstance(value, dict):
        items = {celtypes.StringType(escaped(name)): cel_value(item) for name, item in value.items()}
        return celtypes.MapType(items)
    if isinstance(value, list):
        return celtypes.ListType([cel_value(item) for item in value])
    made = _SCALARS.get(type(value))
    return made(value) if made else None


_SCALARS: dict[type, Any] = {
    bool: celtypes.BoolType,
    int: celtypes.IntType,
    float: celtypes.DoubleType,
    str: celtypes.StringType,
}


def escaped(name: str) -> str:
    """The name of a field in expressions (KEP-2876): reserved words and signs are spelled out."""
    if name in _WORDS:
        return f"__{name}__"
    for sign, spelled in _SIGNS.items():
        name = name.replace(sign, spelled)
    return name


def _text(function: Callable[..., str]) -> Callable[..., Any]:
    return lambda *arguments: celtypes.StringType(function(*arguments))


def _truth(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: celtypes.BoolType(bool(function(*arguments)))


def _whole(function: Callable[..., int]) -> Callable[..., Any]:
    return lambda *arguments: celtypes.IntType(function(*arguments))


def _texts(function: Callable[..., Iterator[str] | list[str]]) -> Callable[..., Any]:
    return lambda *arguments: celtypes.ListType([celtypes.StringType(text) for text in function(*arguments)])


def _find(text: str, pattern: str) -> str:
    match = re2.search(pattern, text)
    return match[0] if match else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match[0] for match in re2.finditer(pattern, text)]
    return found if limit < 0 else found[:limit]


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        return list(text)
    return text.split(separator, limit - 1 if limit > 0 else -1)


def _replace(text: str, old: str, new: str, limit: int = -1) -> str:
    return str(text).replace(old, new, limit)


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= stop <= len(text):
        raise ValueError(f"substring: {start} to {stop} is out of range")
    return text[start:stop]


def _index(items: Any, wanted: Any) -> int:
    if isinstance(items, str):
        return items.find(wanted)
    return next((place for place, item in enumerate(items) if item == wanted), -1)


def _last_index(items: Any, wanted: Any) -> int:
    if isinstance(items, str):
        return items.rfind(wanted)
    return next((place for place in reversed(range(len(items))) if items[place] == wanted), -1)


def _is_sorted(items: Any) -> bool:
    return all(before <= after for before, after in pairwise(items))


# Linear in the text whatever the pattern, unlike the library's own ``matches``.
FUNCTIONS: dict[str, Any] = {
    "matches": _truth(lambda text, pattern: re2.search(pattern, text)),
    "lowerAscii": _text(lambda text: text.lower()),
    "upperAscii": _text(lambda text: text.upper()),
    "trim": _text(lambda text: text.strip()),
    "charAt": _text(lambda text, place: text[place : place + 1]),
    "replace": _text(_replace),
    "substring": _text(_substring),
    "join": _text(lambda items, separator="": separator.join(items)),
    "find": _text(_find),
    "findAll": _texts(_find_all),
    "split": _texts(_split),
    "indexOf": _whole(_index),
    "lastIndexOf": _whole(_last_index),
    "isSorted": _truth(_is_sorted),
    "sum": lambda items: sum(items, celtypes.IntType(0)),
    "max": max,
    "isURL": _truth(lambda text: has_format(text, "uri")),
    "isIP": _truth(lambda text: has_format(text, "ipv4") or has_format(text, "ipv6")),
    "isCIDR": _truth(lambda text: has_format(text, "cidr")),
}
