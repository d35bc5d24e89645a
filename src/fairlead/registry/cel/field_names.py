"""Names of fields as expressions have them.

In the rules of a custom kind, names that are no identifiers are spelled out (KEP-2876); elsewhere names are as they
are.
"""

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


def escaped(name: str) -> str:
    """A name that expressions can say: reserved words and signs are spelled out."""
    if name in _WORDS:
        return f"__{name}__"
    for sign, spelled in _SIGNS.items():
        name = name.replace(sign, spelled)
    return name
