"""The part of Go's text/template that Corefiles use: fields, ``index`` and ``parseInt``, without loops.

{{ .Name }}   {{ .Group.a }}   {{ index .Match 1 }}   {{ parseInt .Group.b 16 8 }}   {{- .Name -}}
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fairlead.clusterdns.corefile.faults import Wrong

FIELDS = ("Name", "Zone", "Class", "Type", "Remote")
Fields = Mapping[str, Any]  # by name: text, or for Match and Group what was matched

_ACTION = re.compile(
    r"(?P<before>\s*)\{\{(?P<left>-\s)?\s*(?P<code>.*?)\s*(?P<right>\s-)?\}\}(?P<after>\s*)", re.DOTALL
)
_WORD = re.compile(r"\.[A-Za-z0-9_.]+|\d+|[a-zA-Z]+|\S+")


class Unfilled(ValueError):
    """A template that cannot be filled for this question."""


class Template(NamedTuple):
    """A text with parts that are filled in. ``personal``: the result depends on the client."""

    parts: tuple[str | Callable[[Fields], str], ...]
    personal: bool = False

    def filled(self, fields: Fields) -> str:
        """The text for a question.

        Raises:
            Unfilled: it refers to a match that does not exist, or to a number that cannot be parsed.
        """
        return "".join(part if isinstance(part, str) else part(fields) for part in self.parts)


def template_of(text: str) -> Template:
    """The template that a text spells.

    Raises:
        Wrong: it uses a construct that is not listed above.
    """
    parts: list[str | Callable[[Fields], str]] = []
    position = 0
    for found in _ACTION.finditer(text):
        parts.append(text[position : found.start()] + ("" if found["left"] else found["before"]))
        parts += [_action(found["code"]), "" if found["right"] else found["after"]]
        position = found.end()
    rest = text[position:]
    if "{{" in rest or "}}" in rest:
        raise Wrong(f"template: {rest!r} has an action without its end")
    return Template((*parts, rest), ".Remote" in text)


def _action(code: str) -> Callable[[Fields], str]:
    match _WORD.findall(code):
        case [field] if field.startswith("."):
            return _field(field)
        case ["index", ".Match", index] if index.isdigit():
            return lambda fields: _nth(fields, int(index))
        case ["index", ".Group", name]:
            return lambda fields: _group(fields, name.strip('"'))
        case ["parseInt", field, base, bits] if field.startswith(".") and base.isdigit() and bits.isdigit():
            value = _field(field)
            return lambda fields: _parsed(value(fields), int(base), int(bits))
    raise Wrong(
        f"template: {{{{ {code} }}}} is not supported; known are {', '.join(f'.{name}' for name in FIELDS)}, "
        "index .Match N, .Group.NAME, parseInt FIELD BASE BITS"
    )


def _field(word: str) -> Callable[[Fields], str]:
    name = word[1:]
    if name.startswith("Group."):
        return lambda fields: _group(fields, name.removeprefix("Group."))
    if name not in FIELDS:
        raise Wrong(f"template: {word} is unknown; known are {', '.join(f'.{known}' for known in FIELDS)}")
    return lambda fields: str(fields[name])


def _nth(fields: Fields, index: int) -> str:
    if index >= len(fields["Match"]):
        raise Unfilled(f"there is no match {index}")
    return str(fields["Match"][index])


def _group(fields: Fields, name: str) -> str:
    return str(fields["Group"].get(name, ""))


def _parsed(text: str, base: int, bits: int) -> str:
    try:
        number = int(text, base)
    except ValueError as error:
        raise Unfilled(f"{text!r} is no number of base {base}") from error
    if not 0 <= number < 1 << (bits or 64):
        raise Unfilled(f"{text!r} does not fit into {bits} bits")
    return str(number)
