"""Strategic merge patch: a merge patch that knows which lists are keyed.

Upstream: apimachinery ``pkg/util/strategicpatch/patch.go``. Directives: ``$patch`` (merge, replace, delete) in objects
and list elements, ``$retainKeys``, ``$setElementOrder/<list>`` and ``$deleteFromPrimitiveList/<list>``. Refuses
directives of the wrong form and elements without their key. Neither argument is changed.
"""

from typing import Any

from fairlead.registry.schemas.catalogue import fields_of
from fairlead.registry.schemas.merging import is_merged_set, merge_key
from fairlead.registry.status import ApiError, bad_request

Doc = dict[str, Any]

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
    return {key: value for key, value in document.items() if key in keep}


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
        gone = _list_of(patch, _DELETE + key)
        merged = [item for item in current if item not in gone]
        merged += [item for item in value if item not in merged]
        return _ordered(merged, current, order)
    by = merge_key(type_name, key)
    if by is None:
        return _plain(value) if key in patch else current
    merged = _merge_elements(current, value, by, _type_of(type_name, key))
    if not order:
        return merged
    by_key = {_identity(item, by): item for item in merged}
    known = [_identity(item, by) for item in current]
    return [by_key[k] for k in _ordered(list(by_key), known, [_identity(item, by) for item in order])]


def _type_of(type_name: str, key: str) -> str:
    field = fields_of(type_name).get(key)
    return field.name if field else ""


def _merge_elements(current: list[Any], value: list[Any], by: str, type_name: str) -> list[Any]:
    for item in [*current, *value]:
        if not isinstance(item, dict):
            raise _malformed(f"elements of a list merged by {by!r} must be objects")
    if any(item.get(_PATCH) == "replace" for item in value):
        return [_plain(item) for item in value if item.get(_PATCH) != "replace"]
    merged = list(current)
    for item in value:
        identity = _identity(item, by)
        index = next((i for i, other in enumerate(merged) if other.get(by) == identity), None)
        if item.get(_PATCH) == "delete":
            merged = [other for other in merged if other.get(by) != identity]
        elif index is None:
            merged.append(apply_strategic({}, item, type_name))
        else:
            merged[index] = apply_strategic(merged[index], item, type_name)
    return merged


def _identity(item: Any, by: str) -> Any:
    if not isinstance(item, dict) or not isinstance(item.get(by), (str, int)):
        raise _malformed(f"map: {item} does not contain declared merge key: {by}")
    return item[by]


def _ordered(merged: list[Any], before: list[Any], order: list[Any]) -> list[Any]:
    """``merged`` in the order that the patch asks for; what it does not mention stays near where it was before."""
    if not order:
        return merged
    result = [item for item in order if item in merged]
    position = 0
    for item in (item for item in merged if item not in order):
        rank = before.index(item) if item in before else len(before)
        while position < len(result) and not (result[position] in before and before.index(result[position]) > rank):
            position += 1
        result.insert(position, item)
        position += 1
    return result


def _list_of(patch: Doc, key: str) -> list[Any]:
    value = patch.get(key) or []
    if not isinstance(value, list):
        raise _malformed(f"{key} must be a list")
    return value


def _plain(value: Any) -> Any:
    """A value that the document takes over, without nulls in objects and without directives."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None and not k.startswith("$")}
    if isinstance(value, list):
        return [_plain(item) for item in value if not (isinstance(item, dict) and item.get(_PATCH) == "delete")]
    return value


def _malformed(why: str) -> ApiError:
    return bad_request(f"the strategic merge patch is malformed: {why}")
