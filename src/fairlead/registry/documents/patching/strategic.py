"""Strategic merge patch: a merge patch that knows which lists are keyed.

Upstream: apimachinery ``pkg/util/strategicpatch/patch.go``. Directives: ``$patch`` (merge, replace, delete) in objects
and list elements, ``$retainKeys``, ``$setElementOrder/<list>`` and ``$deleteFromPrimitiveList/<list>``. Refuses
directives of the wrong form and elements without their key. Neither argument is changed.
"""

from collections.abc import Callable, Iterable
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.schemas.catalogue import fields_of
from fairlead.registry.schemas.merging import is_merged_set, merge_key
from fairlead.registry.status import ApiError, bad_request

_PATCH = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"


def apply_strategic(document: Doc, patch: Doc, type_name: str) -> Doc:
    """The document with the patch applied; ``type_name`` says by which keys its lists are merged.

    Raises:
        ApiError: 400, the patch is malformed.
    """
    action = patch.get(_PATCH)
    if action == "replace":
        return {key: _plain(value) for key, value in patch.items() if value is not None and not key.startswith("$")}
    if action == "delete":
        return {}
    if action not in (None, "merge"):
        raise _malformed(f"invalid value {action!r} of {_PATCH}")
    result = _retained(document, patch)
    for key, value in patch.items():
        if not key.startswith("$"):
            _merge_field(result, key, value, patch, type_name)
    for key in patch:
        name = key.partition("/")[2]
        if key.startswith((_DELETE, _ORDER)) and name not in patch and isinstance(result.get(name), list):
            result[name] = _merge_list(result[name], [], patch, name, type_name)
    return result


def _retained(document: Doc, patch: Doc) -> Doc:
    if _RETAIN not in patch:
        return dict(document)
    keep = patch[_RETAIN]
    if not isinstance(keep, list):
        raise _malformed(f"{_RETAIN} must be a list")
    kept = {key for key in keep if isinstance(key, str)}
    return {key: value for key, value in document.items() if key in kept}


def _merge_field(result: Doc, key: str, value: Any, patch: Doc, type_name: str) -> None:
    current = result.get(key)
    if value is None:
        result.pop(key, None)
    elif isinstance(value, dict):
        base = current if isinstance(current, dict) else {}
        result[key] = apply_strategic(base, value, _type_of(type_name, key))
    elif isinstance(value, list):
        result[key] = _merge_list(current if isinstance(current, list) else [], value, patch, key, type_name)
    else:
        result[key] = _plain(value)


def _merge_list(current: list[Any], value: list[Any], patch: Doc, key: str, type_name: str) -> list[Any]:
    order = _list_of(patch, _ORDER + key)
    if is_merged_set(type_name, key):
        gone = {_scalar(item) for item in _list_of(patch, _DELETE + key)}
        known = [item for item in map(_scalar, current) if item not in gone]
        merged = list(dict.fromkeys([*known, *map(_scalar, value)]))
        return _ordered(merged, current, order or value, _scalar)
    by = merge_key(type_name, key)
    if by is None:
        return _plain(value) if key in patch else current
    for item in [*current, *value]:
        if not isinstance(item, dict):
            raise _malformed(f"elements of a list merged by {by!r} must be objects")
    if any(item.get(_PATCH) == "replace" for item in value):
        return [_plain(item) for item in value if item.get(_PATCH) != "replace"]
    merged = _merge_elements(current, value, by, _type_of(type_name, key))
    return _ordered(merged, current, order or value, lambda item: _identity(item, by))


def _type_of(type_name: str, key: str) -> str:
    field = fields_of(type_name).get(key)
    return field.name if field else ""


def _merge_elements(current: list[Any], value: list[Any], by: str, type_name: str) -> list[Any]:
    """Both lists in one. Every element is looked up by its key, so that long lists take no quadratic time."""
    deleted = {_identity(item, by) for item in value if item.get(_PATCH) == "delete"}
    merged = [item for item in current if _identity(item, by) not in deleted]
    places = _first_places(_identity(item, by) for item in merged)
    for item in value:
        if item.get(_PATCH) == "delete":
            continue
        place = places.setdefault(_identity(item, by), len(merged))
        if place == len(merged):
            merged.append({})
        merged[place] = apply_strategic(merged[place], item, type_name)
    return merged


def _first_places(identities: Iterable[Any]) -> dict[Any, int]:
    places: dict[Any, int] = {}
    for place, identity in enumerate(identities):
        places.setdefault(identity, place)
    return places


def _scalar(item: Any) -> Any:
    if isinstance(item, (dict, list)):
        raise _malformed("elements of a list of plain values must not be objects or lists")
    return item


def _identity(item: Any, by: str) -> Any:
    if not isinstance(item, dict) or not isinstance(item.get(by), (str, int)):
        raise _malformed(f"map: {item} does not contain declared merge key: {by}")
    return item[by]


def _ordered(merged: list[Any], before: list[Any], order: list[Any], identity: Callable[[Any], Any]) -> list[Any]:
    """``merged`` in the order of the patch; an element that is not in it goes before the first one that it preceded."""
    ranks = _first_places(map(identity, before))
    wanted = _first_places(map(identity, order))
    named = sorted((item for item in merged if identity(item) in wanted), key=lambda item: wanted[identity(item)])
    result: list[Any] = []
    position = 0
    for item in (item for item in merged if identity(item) not in wanted):
        rank = ranks.get(identity(item), len(ranks))
        while position < len(named) and rank >= ranks.get(identity(named[position]), -1):
            result.append(named[position])
            position += 1
        result.append(item)
    return result + named[position:]


def _list_of(patch: Doc, key: str) -> list[Any]:
    value = patch.get(key) or []
    if not isinstance(value, list):
        raise _malformed(f"{key} must be a list")
    return value


def _plain(value: Any) -> Any:
    """A value for the document, without nulls in objects and without directives."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None and not k.startswith("$")}
    if isinstance(value, list):
        return [_plain(item) for item in value if not (isinstance(item, dict) and item.get(_PATCH) == "delete")]
    return value


def _malformed(why: str) -> ApiError:
    return bad_request(f"the strategic merge patch is malformed: {why}")
