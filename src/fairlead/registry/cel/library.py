"""Parses and evaluates expressions, with the language and its functions."""

from collections.abc import Iterator
from typing import Any

import lark
from celpy.evaluation import Activation, CELEvalError, base_functions, celstr

from fairlead.registry.cel.budget import Budget, RuleError
from fairlead.registry.cel.functions import FUNCTIONS, NAMESPACES
from fairlead.registry.cel.functions.strings import OF_PATTERNS, pattern_of
from fairlead.registry.cel.language import PARSER, Bounded
from fairlead.registry.cel.macros import MACRO_NAMES
from fairlead.registry.cel.operators import OPERATORS

_CALLS = ("ident_arg", "member_dot_arg", "dot_ident_arg")
_LAST_NAMES = {name.rpartition(".")[2] for name in FUNCTIONS}
_CALLABLE = {**OPERATORS, **FUNCTIONS}
KNOWN = base_functions.keys() | FUNCTIONS.keys() | _LAST_NAMES | MACRO_NAMES


# Levels of the grammar whose node does nothing when it has one part: `a.b` alone has seven above it.
_LEVELS = frozenset(
    {"expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication", "unary", "member"}
)


def parse(text: str) -> Any:
    """The tree of an expression, without nodes that only hand on a value. Raises lark's exceptions: it is none."""
    tree = PARSER.parse(text)
    for node in tree.iter_subtrees():
        node.children = [_handed_on(child) for child in node.children]
    return _handed_on(tree)


def _handed_on(node: Any) -> Any:
    is_empty = isinstance(node, lark.Tree) and node.data in _LEVELS and len(node.children) == 1
    return node.children[0] if is_empty else node


def called(tree: Any) -> set[str]:
    """The names of all functions and methods that an expression calls."""
    calls = tree.find_pred(lambda node: node.data in _CALLS)
    return {str(token) for call in calls for token in call.children if isinstance(token, lark.Token)}


def unreadable_pattern(tree: Any) -> str:
    """Why the first literal pattern of an expression cannot be read; empty if all can be."""
    for call in tree.find_data("member_dot_arg"):
        if str(call.children[1]) in OF_PATTERNS and len(call.children) > 2:
            try:
                pattern_of(_literal(call.children[2].children[0]))
            except ValueError as error:
                return str(error)
    return ""


def _literal(tree: Any) -> str:
    """The text of a literal string; empty for all other expressions."""
    while isinstance(tree, lark.Tree) and len(tree.children) == 1:
        tree = tree.children[0]
    is_text = isinstance(tree, lark.Token) and tree.type in ("STRING_LIT", "MLSTRING_LIT")
    return str(celstr(tree)) if is_text else ""


def variables(tree: Any) -> set[str]:
    """The names that an expression uses and does not make itself."""
    used = {str(node.children[0]) for node in tree.find_data("ident")}
    return used - {*_macro_variables(tree), *NAMESPACES, *base_functions}


def _macro_variables(tree: Any) -> Iterator[str]:
    """The variables of macros."""
    for call in tree.find_data("member_dot_arg"):
        if str(call.children[1]) in MACRO_NAMES and len(call.children) > 2:
            for argument in call.children[2].children[:2]:
                yield from _name(argument)


def _name(tree: Any) -> Iterator[str]:
    while isinstance(tree, lark.Tree) and len(tree.children) == 1:
        if tree.data == "ident":
            yield str(tree.children[0])
        tree = tree.children[0]


def evaluate(tree: Any, values: dict[str, Any], budget: Budget) -> Any:
    """The value of an expression.

    Raises:
        RuleError: it has none. TooCostly: the budget was too small.
    """
    evaluator = Bounded(tree, Activation(functions=_CALLABLE), budget)
    try:
        return evaluator.evaluate(values)
    except CELEvalError as error:
        raise RuleError(_error_text(error)) from None
    except AssertionError:  # of the library's methods, about their arguments
        raise RuleError("no such overload") from None
    except (ArithmeticError, TypeError, ValueError, KeyError, RecursionError) as error:
        raise RuleError(str(error)) from None


def _error_text(error: CELEvalError) -> str:
    """The error, in the function's words if a function failed."""
    reason, args = str(error.args[0]), error.args[2] if len(error.args) > 2 else None
    if reason == "return error for overflow" and args:
        return str(args[0])
    if reason.startswith("found no matching overload"):
        return "no such overload"
    return reason.partition(" (in activation")[0]
