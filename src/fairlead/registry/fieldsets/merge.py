"""Laying an applied configuration over an object, and taking fields out of one."""

from collections.abc import Iterable
from typing import Any

from fairlead.registry.fieldsets.leaves import item_of
from fairlead.registry.fieldsets.paths import Element, Field, Item, Member, Path
from fairlead.registry.schemas.catalogue import Container, fields_of
from fairlead.registry.schemas.merging import is_applied_set, is_atomic_map, list_map_keys

Doc = dict[str, Any]


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
            is_object = type_.container is Container.NONE and fields_of(type_.name)
            result[name] = merge_applied(type_.name, current, value) if is_object else {**current, **value}
        elif isinstance(value, list) and isinstance(current, list):
            result[name] = _merge_lists(type_name, name, current, value)
        else:
            result[name] = value
    return result


def _merge_lists(owner: str, name: str, live: list[Any], applied: list[Any]) -> list[Any]:
    """Applied elements come in their order; those of others stay before or behind as they were."""
    if is_applied_set(owner, name):
        return live + [value for value in applied if value not in live]
    keys = list_map_keys(owner, name)
    if not keys:
        return applied
    type_name = fields_of(owner)[name].name
    known = {item_of(element, keys): element for element in live}
    merged = {item_of(e, keys): merge_applied(type_name, known.get(item_of(e, keys), {}), e) for e in applied}
    rest = [merged.pop(item, element) for item, element in known.items()]
    return rest + list(merged.values())


def without_fields(document: Doc, paths: Iterable[Path]) -> Doc:
    """The document without these fields, and without the objects and lists that this leaves empty."""
    gone: set[Path] = set()
    for path in sorted(paths, key=len):
        if not any(path[:length] in gone for length in range(1, len(path))) and not _is_key(path):
            gone.add(path)
            _remove(document, path)
    return document


def _is_key(path: Path) -> bool:
    """Whether the path leads to a field by which its list element is known; it goes with the element or not at all."""
    return len(path) > 1 and isinstance(path[-2], Item) and str(path[-1])[1:] in dict(path[-2].keys)


def _remove(node: Any, path: Path) -> bool:
    """Remove what lies at the path; whether the node is empty after it."""
    element, rest = path[0], path[1:]
    index = _find(node, element)
    if index is None:
        return False
    if not rest or _remove(node[index], rest):
        del node[index]
    return not node


def _find(node: Any, element: Element) -> Any:
    """The key or index of the element in an object or list; None when it is not there."""
    if isinstance(element, Field):
        return element.name if isinstance(node, dict) and element.name in node else None
    if not isinstance(node, list):
        return None
    return next((index for index, item in enumerate(node) if _is(element, item)), None)


def _is(element: Item | Member, item: Any) -> bool:
    if isinstance(element, Member):
        return bool(item == element.value)
    names = tuple(name for name, _ in element.keys)
    return isinstance(item, dict) and item_of(item, names) == element
