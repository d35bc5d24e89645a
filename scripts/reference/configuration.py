"""Configuration files: their fields, from the types that read them."""

import re
import types
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from scripts.reference.docstrings import attributes, first_paragraph

from fairlead.app.announcer import options as announcer
from fairlead.app.dns import settings_file
from fairlead.app.lab import config as lab

FILES: dict[str, tuple[str, type[msgspec.Struct]]] = {
    "A lab": ("`fairlead up --config FILE`; see [lab.md](../lab.md#its-configuration-file).", lab._Document),
    "The DNS server": ("`fairlead dns --config FILE.yaml`; see [dns.md](../dns.md).", settings_file.DnsSettings),
    "The announcer": (
        "`fairlead announcer --config FILE`; see [load-balancers.md](../load-balancers.md).",
        announcer._Document,
    ),
}


class Field(NamedTuple):
    """A field of a file.

    Attributes:
        path: from the top of the file, as ``nodes[].zone``.
        type: in words of YAML.
        default: as YAML; "required" where there is none.
    """

    path: str
    type: str
    default: str
    text: str


def fields(struct: type[msgspec.Struct], path: str = "") -> Iterator[Field]:
    """Every field, each object's own after it."""
    texts = attributes(struct)
    for each in msgspec.structs.fields(struct):
        where = f"{path}{each.encode_name}"
        nested = _struct_in(each.type)
        text = texts.get(each.name) or (first_paragraph(nested[0]) if nested else "")
        yield Field(where, type_in_words(each.type), _default(each), text)
        if nested:
            yield from fields(nested[0], f"{where}{nested[1]}.")


def _struct_in(annotation: Any) -> tuple[type[msgspec.Struct], str] | None:
    """The object that a field holds, and how a path goes into it."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation, ""
    for part in get_args(annotation):
        if found := _struct_in(part):
            is_list = get_origin(annotation) in (tuple, list)
            return found[0], "[]" + found[1] if is_list else found[1]
    return None


_SIMPLE = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Any: "anything",
    types.NoneType: "",
}


def type_in_words(annotation: Any) -> str:
    """A type as a reader of YAML calls it."""
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    form = _FORMS.get(get_origin(annotation))
    return form(get_args(annotation)) if form else "object"


def _any_of(arguments: Sequence[Any]) -> str:
    return " or ".join(filter(None, map(type_in_words, arguments)))


def _list(arguments: Sequence[Any]) -> str:
    return f"list of {type_in_words(arguments[0])}"


_FORMS: dict[Any, Callable[[Sequence[Any]], str]] = {
    Annotated: lambda arguments: type_in_words(arguments[0]),
    Literal: lambda arguments: ", ".join(f"`{value}`" for value in arguments),
    Union: _any_of,
    types.UnionType: _any_of,
    list: _list,
    tuple: _list,
    dict: lambda arguments: f"map of {type_in_words(arguments[0])} to {type_in_words(arguments[1])}",
}


def _default(each: msgspec.structs.FieldInfo) -> str:
    if each.required:
        return "required"
    value = each.default if each.default is not msgspec.NODEFAULT else each.default_factory()
    if isinstance(value, msgspec.Struct) or value is None or value in ((), [], {}, ""):
        return ""
    return f"`{msgspec.json.encode(value).decode()}`".replace('"', "")


def configuration_page() -> str:
    parts = ["# Configuration files\n\nYAML. A field that is not listed is refused by name.\n"]
    for title, (text, struct) in FILES.items():
        parts += [f"## {title}\n", f"{text}\n", "| field | type | default | |", "|---|---|---|---|"]
        parts += [f"| `{each.path}` | {each.type} | {each.default} | {_cell(each.text)} |" for each in fields(struct)]
        parts += [""]
    return "\n".join(parts)


def _cell(text: str) -> str:
    return re.sub(r"``(.+?)``", r"`\1`", text).replace("|", "\\|")
