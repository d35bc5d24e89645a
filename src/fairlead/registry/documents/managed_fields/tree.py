"""All fields of a new object in the format of ``managedFields``, in one walk: every create needs it. The result equals
``to_fields_v1(leaves_of(…))``, in half the time.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.documents.managed_fields.leaves import item_of, owned_metadata
from fairlead.registry.documents.managed_fields.paths import PathMember, encode
from fairlead.registry.schemas.catalogue import Cardinality, FieldType, OwnType, fields_of
from fairlead.registry.schemas.merging import is_applied_set, is_atomic_map, list_map_keys
from fairlead.registry.status import bad_request

_NOBODYS = ("apiVersion", "kind", "metadata")


def tree_of(type_name: str, document: Doc) -> Doc:
    """The JSON form of all fields that the document sets.

    Raises:
        ApiError: 400, an element of a keyed list lacks a key, or two elements have the same one.
    """
    metadata = owned_metadata(document)
    said = {name: value for name, value in document.items() if name not in _NOBODYS}
    return _object(type_name, {"metadata": metadata, **said} if metadata else said)


_Walk = Callable[[Any], Doc]


def _object(type_name: str, value: Doc) -> Doc:
    # The fields of a custom kind change with its definition.
    below = _parts_of if isinstance(type_name, OwnType) else _known_parts_of
    return {
        f"f:{name}": walk(item)
        if (item := value[name]) and isinstance(item, (dict, list)) and (walk := below(type_name, name))
        else {}
        for name in sorted(value)
    }


def _parts_of(owner: str, name: str) -> _Walk | None:
    """How a field is taken apart into those that are owned one by one; None if it is owned as a whole."""
    type_ = fields_of(owner).get(name)
    if type_ is None:
        return None
    of_list, of_map = _parts_of_list(owner, name, type_.name), _parts_of_map(owner, name, type_)
    return lambda value: (of_list if isinstance(value, list) else of_map)(value)


_known_parts_of = lru_cache(maxsize=4096)(_parts_of)


def _parts_of_map(owner: str, name: str, type_: FieldType) -> _Walk:
    is_nested = bool(fields_of(type_.name))
    if is_atomic_map(owner, name, type_.name):
        return _whole
    if type_.container is Cardinality.MAP:
        return partial(_entries, type_.name) if is_nested else _plain_entries
    return partial(_object, type_.name) if is_nested else _whole


def _parts_of_list(owner: str, name: str, type_name: str) -> _Walk:
    if is_applied_set(owner, name):
        return _members
    keys = list_map_keys(owner, name)
    return partial(_keyed, name, type_name, keys) if keys else _whole


def _whole(value: Any) -> Doc:
    return {}


def _entries(type_name: str, value: Doc) -> Doc:
    return {
        f"f:{key}": _object(type_name, item) if isinstance(item, dict) else {} for key, item in sorted(value.items())
    }


def _plain_entries(value: Doc) -> Doc:
    return {f"f:{key}": {} for key in sorted(value)}


def _members(value: list[Any]) -> Doc:
    return {encode(PathMember(item)): {} for item in value}


def _keyed(name: str, type_name: str, keys: tuple[str, ...], value: list[Any]) -> Doc:
    items = [(encode(item_of(element, keys)), element) for element in value]
    found = {key: {".": {}, **_object(type_name, element)} for key, element in items}
    if len(found) < len(items):
        raise bad_request(f"two elements of {name} have the same keys")
    return found
