"""The section ``Attributes:`` of docstrings, in Google's style as the source has it."""

import inspect
import re

_ROW = re.compile(r"^(?P<names>\w+(?:, \w+)*): (?P<text>.+)$")


def attributes(cls: type) -> dict[str, str]:
    """What the docstring of a class says of each of its attributes; names that share a line share its text."""
    _, _, section = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")
    rows: dict[str, str] = {}
    names: list[str] = []
    for line in inspect.cleandoc(section).splitlines():
        if found := _ROW.match(line):
            names = found["names"].split(", ")
            rows |= dict.fromkeys(names, found["text"])
        elif line.startswith(" "):
            rows |= {name: f"{rows[name]} {line.strip()}" for name in names}
        else:
            break
    return rows


def first_paragraph(thing: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(inspect.cleandoc(thing.__doc__ or "").partition("\n\n")[0].split())
