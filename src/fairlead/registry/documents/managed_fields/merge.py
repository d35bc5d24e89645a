"""Merges an applied configuration into an object, and removes fields from one."""

from collections.abc import Iterable, Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.documents.managed_fields.leaves import item_of
from fairlead.registry.documents.managed_fields.paths import Element, Path, PathField, PathItem, PathMember
from fairlead.registry.schemas.catalogue import Cardinality, FieldType, fields_of
from fairlead.registry.schemas.merging import is_applied_set, is_atomic_map, list_map_keys


def merge_applied(type_name: str, live: Doc, applied: Doc) -> Doc:
    """The live document with every field that is applied; neither argument is changed."""
    fields = fields_of(type_name)
    result = dict(live)
    for name, value in applied.items():
        type_ = fields.get(name)
        current = live.get(name)
        if (
            isinstance(value, dict)
            and isinstance(current, dict)
            and type_
            and not is_atomic_map(type_name, name, type_.name)
        ):
            result[name] = _merge_objects(type_, current, value)
        elif isinstance(value, list) and isinstance(current, list):
            result[name] = _merge_lists(type_name, name, current, value)
        else:
            result[name] = value
    return result


def _merge_objects(type_: FieldType, live: Doc, applied: Doc) -> Doc:
    if not fields_of(type_.name):
        return {**live, **applied}
    if type_.container is Cardinality.NONE:
        return merge_applied(type_.name, live, applied)
    both = {
        key for key in applied.keys() & live.keys() if isinstance(applied[key], dict) and isinstance(live[key], dict)
    }
    return {**live, **applied, **{key: merge_applied(type_.name, live[key], applied[key]) for key in both}}


def _merge_lists(owner: str, name: str, live: list[Any], applied: list[Any]) -> list[Any]:
    """Applied elements have their own order; elements of other managers stay before or after them."""
    if is_applied_set(owner, name):
        return list(dict.fromkeys([*live, *applied]))
    keys = list_map_keys(owner, name)
    if not keys:
        return applied
    type_name = fields_of(owner)[name].name
    known = {item_of(element, keys): element for element in live}
    merged = {item_of(e, keys): merge_applied(type_name, known.get(item_of(e, keys), {}), e) for e in applied}
    rest = [merged.pop(item, element) for item, element in known.items()]
    return rest + list(merged.values())


def atomic_parts(type_name: str, applied: Doc) -> list[str]:
    """The paths of values that an apply replaces as a whole: atomic lists, maps and objects."""
    return list(_atomic_parts(type_name, applied, ""))


def _atomic_parts(type_name: str, value: Doc, path: str) -> Iterator[str]:
    fields = fields_of(type_name)
    for name, item in value.items():
        type_, place = fields.get(name), f"{path}.{name}"
        if type_ is None:
            continue
        if isinstance(item, list):
            is_atomic = not is_applied_set(type_name, name) and not list_map_keys(type_name, name)
        else:
            is_atomic = isinstance(item, dict) and is_atomic_map(type_name, name, type_.name)
        if is_atomic:
            yield place
        for index, part in enumerate(item) if isinstance(item, list) else [(None, item)]:
            if isinstance(part, dict) and type_.container is not Cardinality.MAP:
                yield from _atomic_parts(type_.name, part, place if index is None else f"{place}[{index}]")


def without_fields(document: Doc, paths: Iterable[Path]) -> Doc:
    """The document without these fields, and without the objects and lists that this leaves empty. The work grows with
    the document and the paths, however many of them lie in one list."""
    doomed: _Tree = {}
    for path in sorted(paths, key=len):
        if not _is_key(path):
            _add(doomed, path)
    _prune(document, doomed)
    return document


# Fields to remove: by path element, all of it (None) or parts of it.
_Tree = dict[Element, Any]


def _add(tree: _Tree, path: Path) -> None:
    """Shorter paths come first, so that paths below a removed one are skipped."""
    for element in path[:-1]:
        below = tree.setdefault(element, {})
        if below is None:
            return
        tree = below
    tree[path[-1]] = None


def _is_key(path: Path) -> bool:
    """Whether the path is a key field of its list element, which is removed only with the element."""
    return len(path) > 1 and isinstance(path[-2], PathItem) and str(path[-1])[1:] in dict(path[-2].keys)


def _prune(node: Any, doomed: _Tree) -> bool:
    """Remove fields below a node; returns whether something was removed and the node is now empty."""
    if isinstance(node, dict):
        gone: list[Any] = [
            e.name for e, below in doomed.items() if isinstance(e, PathField) and _goes(node, e.name, below)
        ]
    elif isinstance(node, list):
        places = _places(node, doomed)
        gone = [places[e] for e, below in doomed.items() if e in places and _goes(node, places[e], below)]
        gone.sort(reverse=True)
    else:
        return False
    for place in gone:
        del node[place]
    return bool(gone) and not node


def _goes(node: Any, place: Any, below: _Tree | None) -> bool:
    if isinstance(node, dict) and place not in node:
        return False
    return below is None or _prune(node[place], below)


def _places(node: list[Any], doomed: _Tree) -> dict[Element, int]:
    """The positions of elements in a list, by the keys in the paths."""
    key_names = {tuple(name for name, _ in e.keys) for e in doomed if isinstance(e, PathItem)}
    places: dict[Element, int] = {}
    for index, item in enumerate(node):
        if isinstance(item, dict):
            elements: list[Element] = [item_of(item, names) for names in key_names]
        else:
            elements = [PathMember(item)] if isinstance(item, str | int) else []
        for element in elements:
            places.setdefault(element, index)
    return places
