"""The fields that a document sets: each leaf with its value, down to where the API says that a value is one whole.

Lists that are keyed and lists that are sets are taken apart, maps and objects too unless they are atomic; the catalogue
of types says which is which. Fields that identify an object, and those that only the server writes, have no owner
(upstream: structured-merge-diff ``typed``, apimachinery ``managedfields/internal/stripmeta.go``).
"""

from collections.abc import Mapping
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.documents.managed_fields.paths import Path, PathField, PathItem, PathMember
from fairlead.registry.schemas.catalogue import Cardinality, FieldType, fields_of
from fairlead.registry.schemas.merging import is_applied_set, is_atomic_map, list_map_keys
from fairlead.registry.status import bad_request

Leaves = dict[Path, Any]

PRESENT = object()
"""The value of a list element as such, beside its fields."""

_NOBODYS = {"apiVersion", "kind"}
_NOBODYS_METADATA = {
    *("name", "namespace", "generateName", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"),
    *("deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"),
}
# The defaults of missing key fields, as in upstream's list types.
_KEY_DEFAULTS = {"protocol": "TCP", "name": ""}


def leaves_of(type_name: str, document: Doc) -> Leaves:
    """Each field that the document sets, with its value.

    Raises:
        ApiError: 400, an element of a keyed list lacks a key, or two elements have the same one.
    """
    found: Leaves = {}
    metadata = owned_metadata(document)
    rest = {name: value for name, value in document.items() if name not in _NOBODYS and name != "metadata"}
    _object(type_name, {"metadata": metadata, **rest} if metadata else rest, (), found)
    return found


def owned_metadata(document: Doc) -> Doc:
    """The part of the metadata that clients can own."""
    return {name: value for name, value in document["metadata"].items() if name not in _NOBODYS_METADATA}


def leaves_at(owner: str, name: str, value: Any, path: Path, found: Leaves) -> None:
    """Add the fields below one field of an object of type ``owner`` that stands at ``path``."""
    _field(owner, name, fields_of(owner).get(name), value, (path, found))


def _object(type_name: str, value: Doc, path: Path, found: Leaves) -> None:
    fields = fields_of(type_name)
    for name, item in value.items():
        _field(type_name, name, fields.get(name), item, (path, found))


def _field(owner: str, name: str, type_: FieldType | None, value: Any, place: tuple[Path, Leaves]) -> None:
    path, found = (*place[0], PathField(name)), place[1]
    if type_ is None or not value or not isinstance(value, (dict, list)):
        found[path] = value
    elif isinstance(value, list):
        _list(owner, name, value, (path, found))
    elif is_atomic_map(owner, name, type_.name):
        found[path] = value
    elif type_.container is Cardinality.MAP:
        for key, item in value.items():
            if item and isinstance(item, dict) and fields_of(type_.name):
                _object(type_.name, item, (*path, PathField(key)), found)
            else:
                found[*path, PathField(key)] = item
    elif fields_of(type_.name):
        _object(type_.name, value, path, found)
    else:
        found[path] = value


def _list(owner: str, name: str, value: list[Any], place: tuple[Path, Leaves]) -> None:
    path, found = place
    if is_applied_set(owner, name):
        if any(isinstance(item, (dict, list)) for item in value):
            raise bad_request(f"an element of {name} is no plain value")
        found.update({(*path, PathMember(item)): item for item in value})
    elif keys := list_map_keys(owner, name):
        type_name = fields_of(owner)[name].name
        for element in value:
            item = (*path, item_of(element, keys))
            if item in found:
                raise bad_request(f"two elements of {name} have the same keys: {item[-1]}")
            found[item] = PRESENT
            _object(type_name, element, item, found)
    else:
        found[path] = value


def item_of(element: Mapping[str, Any], keys: tuple[str, ...]) -> PathItem:
    """The path element of a list element.

    Raises:
        ApiError: 400, it lacks a key.
    """
    return PathItem(tuple(sorted(keys_of(element, keys).items())))


def keys_of(element: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """The values by which a list element is told apart.

    Raises:
        ApiError: 400, it lacks a key, or is no object at all, as one of a custom kind can be before its validation.
    """
    if not isinstance(element, dict):
        raise bad_request(f"an element of the list is no object with {', '.join(keys)}")
    values = {key: element.get(key, _KEY_DEFAULTS.get(key)) for key in keys}
    for key, value in values.items():
        if value is None or isinstance(value, (dict, list)):
            raise bad_request(f'an element of the list has no "{key}", by which its elements are told apart')
    return values
