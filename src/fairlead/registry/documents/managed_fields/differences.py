"""The changes of an update, as paths of fields: only differing parts are decomposed, so a small change is cheap."""

from typing import Any, NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.documents.managed_fields.leaves import Leaves, leaves_at, owned_metadata
from fairlead.registry.documents.managed_fields.paths import FieldSet, Path, PathField
from fairlead.registry.schemas.catalogue import Cardinality, fields_of
from fairlead.registry.schemas.merging import is_atomic_map

_NOBODYS = ("apiVersion", "kind", "metadata")


class Differences(NamedTuple):
    """Fields that are new or have another value, and removed fields."""

    changed: FieldSet
    gone: FieldSet


def differences(type_name: str, old: Doc, new: Doc) -> Differences:
    """The differences between two documents of a type.

    Raises:
        ApiError: 400, an element of a keyed list lacks a key, or two elements have the same one.
    """
    before: Leaves = {}
    after: Leaves = {}
    _compare(type_name, _owned(old), _owned(new), (), (before, after))
    changed = frozenset(path for path, value in after.items() if path not in before or before[path] != value)
    return Differences(changed, frozenset(before.keys() - after.keys()))


def _owned(document: Doc) -> Doc:
    rest = {name: value for name, value in document.items() if name not in _NOBODYS}
    metadata = owned_metadata(document)
    return {**rest, "metadata": metadata} if metadata else rest


def _compare(type_name: str, old: Doc, new: Doc, path: Path, found: tuple[Leaves, Leaves]) -> None:
    """Collect the leaves on both sides below the fields that differ."""
    for name in old.keys() | new.keys():
        before: Any = old.get(name)
        after: Any = new.get(name)
        if before == after:
            continue
        type_ = fields_of(type_name).get(name)
        is_object = type_ is not None and type_.container is Cardinality.NONE and bool(fields_of(type_.name))
        both = isinstance(before, dict) and isinstance(after, dict) and bool(before and after)
        if type_ and is_object and both and not is_atomic_map(type_name, name, type_.name):
            _compare(type_.name, before, after, (*path, PathField(name)), found)
        else:
            for side, document in zip(found, (old, new), strict=True):
                if name in document:
                    leaves_at(type_name, name, document[name], path, side)
