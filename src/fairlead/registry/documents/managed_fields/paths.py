"""Paths to fields, and sets of them in the format of ``metadata.managedFields``.

Upstream: sigs.k8s.io/structured-merge-diff ``fieldpath/{element,serialize}.go``. A set is a tree of JSON objects whose
keys are ``f:<field>``, ``k:<keys of a list element>`` or ``v:<value of a set's element>``; ``.`` is the node itself.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from fairlead.model.document import Doc


class PathField(NamedTuple):
    """A field of an object or an entry of a map."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"


class PathItem(NamedTuple):
    """The element of a list with these values in its key fields."""

    keys: tuple[tuple[str, str | int | bool], ...]

    def __str__(self) -> str:
        return "[" + ",".join(f"{name}={_json(value)}" for name, value in self.keys) + "]"


class PathMember(NamedTuple):
    """An element of a set, by its value."""

    value: str | int | bool

    def __str__(self) -> str:
        return f"[={_json(self.value)}]"


Element = PathField | PathItem | PathMember
Path = tuple[Element, ...]
FieldSet = frozenset[Path]

EMPTY: FieldSet = frozenset()


def path_text(path: Path) -> str:
    """A path as in messages about conflicts: ``.spec.ports[port=80,protocol="TCP"].name``."""
    return "".join(str(element) for element in path)


def to_fields_v1(fields: FieldSet) -> Doc:
    """The JSON form of a set."""
    tree: Doc = {}
    for path in sorted(fields, key=len):
        node = tree
        for element in path:
            node = node.setdefault(encode(element), {})
        node["."] = {}
    return _without_lonely_dots(tree)


def from_fields_v1(tree: Any) -> FieldSet:
    """A set from its JSON form; malformed parts are left out, because clients can write managedFields."""
    return frozenset(_paths(tree, ()))


def _without_lonely_dots(node: Doc) -> Doc:
    if node.keys() == {"."}:
        return {}
    return {key: child if key == "." else _without_lonely_dots(child) for key, child in sorted(node.items())}


def _paths(node: Any, path: Path) -> list[Path]:
    if not isinstance(node, dict) or not node:
        return [path] if path else []
    found: list[Path] = []
    for key, child in node.items():
        if key == ".":
            found.append(path)
        elif (element := _decode(key)) is not None:
            found += _paths(child, (*path, element))
    return found


def encode(element: Element) -> str:
    """As a key of the JSON form."""
    match element:
        case PathField(name):
            return f"f:{name}"
        case PathItem(keys):
            return encode_keys(dict(keys))
        case PathMember(value):
            return f"v:{_json(value)}"


def encode_keys(values: Mapping[str, Any]) -> str:
    """The key of a list element with these values in its key fields."""
    return f"k:{_json(values)}"


def _decode(key: str) -> Element | None:
    kind, _, text = key.partition(":")
    if kind == "f":
        return PathField(text)
    try:
        if kind == "k":
            keys = msgspec.json.decode(text, type=dict[str, str | int | bool])
            return PathItem(tuple(sorted(keys.items())))
        return PathMember(msgspec.json.decode(text, type=str | int | bool)) if kind == "v" else None
    except msgspec.DecodeError:
        return None


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
