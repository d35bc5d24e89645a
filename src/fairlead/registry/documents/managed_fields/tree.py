"""All fields of a new object in the format of ``managedFields``, in one walk: every create needs it. The result equals
``to_fields_v1(leaves_of(…))``, in half the time.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.documents.managed_fields.leaves import keys_of, owned_metadata
from fairlead.registry.documents.managed_fields.paths import PathMember, encode, encode_keys
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
    parts_of = _parts_of if isinstance(type_name, OwnType) else _known_parts_of
    found = {}
    for name in sorted(value):
        item = value[name]
        if item and isinstance(item, (dict, list)):
            found[f"f:{name}"] = parts_of(type_name, name, isinstance(item, list))(item)
        else:
            found[f"f:{name}"] = {}
    return found


def _parts_of(owner: str, name: str, is_list: bool) -> _Walk:
    """How a list or an object in a field is taken apart into what is owned one by one."""
    type_ = fields_of(owner).get(name)
    if type_ is None:
        return _whole
    return _parts_of_list(owner, name, type_.name) if is_list else _parts_of_map(owner, name, type_)


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
    found = {encode_keys(keys_of(element, keys)): {".": {}, **_object(type_name, element)} for element in value}
    if len(found) < len(value):
        raise bad_request(f"two elements of {name} have the same keys")
    return found
