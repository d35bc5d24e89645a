"""Python's values as those of expressions."""

from collections.abc import Callable, Iterable
from typing import Any

from celpy import celtypes

Function = Callable[..., Any]


def text(function: Callable[..., str]) -> Function:
    """A function whose value is a string."""
    return lambda *arguments: celtypes.StringType(function(*arguments))


def truth(function: Callable[..., Any]) -> Function:
    """A function whose value is a boolean."""
    return lambda *arguments: celtypes.BoolType(bool(function(*arguments)))


def whole(function: Callable[..., int]) -> Function:
    """A function whose value is a whole number."""
    return lambda *arguments: celtypes.IntType(function(*arguments))


def texts(function: Callable[..., Iterable[str]]) -> Function:
    """A function whose value is a list of strings."""
    return lambda *arguments: celtypes.ListType([celtypes.StringType(each) for each in function(*arguments)])


def items(function: Callable[..., Iterable[Any]]) -> Function:
    """A function whose value is a list of values of expressions."""
    return lambda *arguments: celtypes.ListType(list(function(*arguments)))


def parses(parse: Callable[[str], Any]) -> Function:
    """Whether a string can be parsed."""

    def check(given: str) -> Any:
        try:
            parse(given)
        except ValueError:
            return celtypes.BoolType(False)
        return celtypes.BoolType(True)

    return check
