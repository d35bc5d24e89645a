"""All fields of a new object in the format of ``managedFields``, in one walk: every create needs it. The result equals
``to_fields_v1(leaves_of(…))``, in half the time.
"""

from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.documents.managed_fields.leaves import item_of, owned_metadata
from fairlead.registry.documents.managed_fields.paths import PathMember, encode
from fairlead.registry.schemas.catalogue import Cardinality, FieldType, fields_of
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


def _object(type_name: str, value: Doc) -> Doc:
    fields = fields_of(type_name)
    return {f"f:{name}": _field(type_name, name, fields.get(name), value[name]) for name in sorted(value)}


def _field(owner: str, name: str, type_: FieldType | None, value: Any) -> Doc:
    if type_ is None or not value or not isinstance(value, (dict, list)):
        return {}
    if isinstance(value, list):
        return _list(owner, name, type_.name, value)
    if is_atomic_map(owner, name, type_.name):
        return {}
    if type_.container is Cardinality.MAP:
        is_nested = bool(fields_of(type_.name))
        items = ((key, value[key]) for key in sorted(value))
        return {
            f"f:{key}": _object(type_.name, item) if is_nested and isinstance(item, dict) else {} for key, item in items
        }
    return _object(type_.name, value) if fields_of(type_.name) else {}


def _list(owner: str, name: str, type_name: str, value: list[Any]) -> Doc:
    if is_applied_set(owner, name):
        return {encode(PathMember(item)): {} for item in value}
    keys = list_map_keys(owner, name)
    if not keys:
        return {}
    items = [(encode(item_of(element, keys)), element) for element in value]
    found = {key: {".": {}, **_object(type_name, element)} for key, element in items}
    if len(found) < len(items):
        raise bad_request(f"two elements of {name} have the same keys")
    return found
