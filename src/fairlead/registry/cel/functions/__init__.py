"""Functions for expressions besides the language's own: a module for each of Kubernetes' libraries.

A method is a function whose first argument is the value that it is called on.
"""

from fairlead.registry.cel.functions import (
    addresses,
    authorization,
    conversions,
    lists,
    named_formats,
    numbers,
    optionals,
    patches,
    strings,
    urls,
)
from fairlead.registry.cel.functions.results import Function

FUNCTIONS: dict[str, Function] = {
    **conversions.FUNCTIONS,
    **optionals.FUNCTIONS,
    **strings.FUNCTIONS,
    **lists.FUNCTIONS,
    **addresses.FUNCTIONS,
    **numbers.FUNCTIONS,
    **urls.FUNCTIONS,
    **named_formats.FUNCTIONS,
    **authorization.FUNCTIONS,
    **patches.FUNCTIONS,
}
# The first part of functions' names that have two.
NAMESPACES = frozenset(name.partition(".")[0] for name in FUNCTIONS if "." in name)
