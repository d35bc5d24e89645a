"""Fields that an apply removes: its manager applied them before, and they have no owner now.

The fields are those of the version that the manager applied before. An owner through another version keeps what it owns
as that version has it. Upstream: structured-merge-diff ``merge/update.go``.
"""

import copy
from collections.abc import Iterable

from fairlead.model.document import Doc
from fairlead.registry.documents.managed_fields.entries import Owned
from fairlead.registry.documents.managed_fields.leaves import leaves_of
from fairlead.registry.documents.managed_fields.merge import without_fields
from fairlead.registry.documents.managed_fields.paths import FieldSet, Path, PathField, PathItem
from fairlead.registry.documents.managed_fields.versions import Versions


def pruned(versions: Versions, merged: Doc, before: Owned, owners: Iterable[Owned]) -> Doc:
    """The document that an apply has merged, without what its manager gave up; it may keep parts of its argument.

    Args:
        before: what the manager had applied.
        owners: all that own something now, the manager included.
    """
    held: dict[str, FieldSet] = {}
    for owned in owners:
        held[owned.api_version] = held.get(owned.api_version, frozenset()) | owned.fields
    own = versions.converted(merged, before.api_version)
    # An object that was empty when it was owned stays when it has fields now.
    filled = _parents(_paths(versions, own), PathField)
    given_up = before.fields - _kept(held.pop(before.api_version, frozenset())) - filled
    if not given_up:
        return merged
    result = without_fields(copy.deepcopy(own), given_up)
    for api_version, fields in held.items():
        full = versions.converted(merged, api_version)
        gone = _paths(versions, full) - _paths(versions, versions.converted(result, api_version)) - _kept(fields)
        result = without_fields(copy.deepcopy(full), gone)
    return versions.converted(result, merged["apiVersion"])


def _paths(versions: Versions, document: Doc) -> FieldSet:
    return frozenset(leaves_of(versions.type_of(document["apiVersion"]) or "", document))


def _kept(held: FieldSet) -> FieldSet:
    """Fields that have an owner, and list elements of which a part has one."""
    return held | _parents(held, PathItem)


def _parents(paths: Iterable[Path], kind: type[PathField | PathItem]) -> FieldSet:
    """The paths of the elements of a kind that others are below of."""
    return frozenset(
        path[:length] for path in paths for length in range(1, len(path)) if isinstance(path[length - 1], kind)
    )
