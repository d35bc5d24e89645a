"""Rules in the Common Expression Language (CEL): compiled once, evaluated within a bound.

The language itself is the library ``cel-python``. Here are the functions that Kubernetes adds for strings and lists
(apiserver ``pkg/cel/library``), and a bound on the work of one evaluation, since rules and objects are their users'.
The library is imported when the first rule is compiled: most clusters have none.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from fairlead.registry.kinds.apiextensions.budget import Budget, Unsupported

Expression = Callable[[dict[str, Any], Budget], Any]


@lru_cache(maxsize=4096)
def compiled(text: str) -> Expression:
    """The function of an expression, from (variables, budget) to its value.

    Raises:
        Unsupported: it cannot be compiled.
    """
    library = _library()
    try:
        tree = library.environment.compile(text)
    except Exception as error:  # whatever the parser makes of it
        raise Unsupported(str(error).strip()) from None
    if unknown := library.called(tree) - library.known:
        raise Unsupported(f"undeclared function: {', '.join(sorted(unknown))}")
    program = library.environment.program(tree, functions=library.functions)
    return lambda variables, budget: library.evaluate(program, variables, budget)


@cache
def _library() -> Any:
    from fairlead.registry.kinds.apiextensions.cel import Library

    return Library()
