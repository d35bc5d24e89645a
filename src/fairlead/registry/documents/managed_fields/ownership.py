"""Applies a configuration: the resulting object, and the resulting owners.

Fields are tracked from the first write on: fields that the server adds to a new object have no owner. A manager that
changes a field by an update takes it from all others; one that applies a different value than another owner's is
refused unless it forces. A field that its last owner no longer applies is removed. Untracked fields (from a store of an
earlier version, or after a client dropped the owners) belong to ``before-first-apply`` from the first apply on.
Upstream: structured-merge-diff ``merge/update.go``, apimachinery ``util/managedfields``.
"""

from collections.abc import Callable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.documents.managed_fields.differences import differences
from fairlead.registry.documents.managed_fields.entries import (
    UPDATE,
    Manager,
    Owned,
    is_tracked,
    read_owners,
    write_owners,
)
from fairlead.registry.documents.managed_fields.last_applied import KUBECTL, remember, still_as_applied
from fairlead.registry.documents.managed_fields.leaves import Leaves, leaves_of
from fairlead.registry.documents.managed_fields.merge import merge_applied
from fairlead.registry.documents.managed_fields.paths import (
    EMPTY,
    Element,
    FieldSet,
    Path,
    PathItem,
    path_text,
)
from fairlead.registry.documents.managed_fields.pruning import pruned
from fairlead.registry.documents.managed_fields.versions import Versions
from fairlead.registry.status import ApiError

BEFORE_FIRST_APPLY = "before-first-apply"


class AppliedConfiguration(NamedTuple):
    """A configuration to apply.

    Attributes:
        is_given: whether the list element with these keys was put into the object by the server, not by a user.
    """

    manager: Manager
    configuration: Doc
    force: bool
    now: str
    is_given: Callable[[Mapping[str, Any]], bool] = lambda keys: False


def apply_configuration(versions: Versions, live: Doc | None, application: AppliedConfiguration) -> Doc:
    """The object that a configuration makes of the live one (None: there is none), with its new owners.

    Raises:
        ApiError: 409, another manager owns a field with a different value; 500, a version cannot be converted.
    """
    manager, configuration, force, now, is_given = application
    stored_as, written_as = configuration["apiVersion"], manager.api_version
    type_name = versions.type_of(written_as) or ""
    configuration = versions.converted(configuration, written_as)
    applied = leaves_of(type_name, configuration)
    own = Owned(frozenset(applied), now, written_as)
    if live is None:
        result = dict(versions.converted(configuration, stored_as))
        write_owners(result, {manager.known: own})
        return result
    shown = versions.converted(live, written_as)
    present = leaves_of(type_name, shown)
    owners = read_owners(live, versions)
    if not is_tracked(live):
        owners = {_before(manager): Owned(_of_users(present, is_given), now, written_as)}
    before = owners.pop(manager.known, Owned(EMPTY, now, written_as))
    is_kubectl = manager.name == KUBECTL
    yielding = still_as_applied(type_name, shown, present) if is_kubectl else EMPTY
    merged = merge_applied(type_name, shown, _configuration(configuration))
    owners = _resolve(owners, _Differing(versions, shown, merged, (applied, present)), force, yielding)
    result = pruned(versions, merged, before, [*owners.values(), own])
    if is_kubectl:
        remember(result, configuration)
    result = dict(versions.converted(result, stored_as))
    result["metadata"] = dict(result["metadata"])
    write_owners(
        result, {**owners, manager.known: own._replace(time=before.time) if before.fields == own.fields else own}
    )
    return result


class _Differing:
    """The fields to which a configuration gives other values, as each version has them."""

    def __init__(self, versions: Versions, live: Doc, merged: Doc, leaves: tuple[Leaves, Leaves]) -> None:
        applied, present = leaves
        found = {path for path, value in applied.items() if path not in present or present[path] != value}
        self._versions, self._sides = versions, (live, merged)
        self._found = {merged["apiVersion"]: frozenset(found)}

    def under(self, api_version: str) -> FieldSet:
        if api_version not in self._found:
            type_name = self._versions.type_of(api_version) or ""
            sides = (self._versions.converted(side, api_version) for side in self._sides)
            self._found[api_version] = differences(type_name, *sides).changed
        return self._found[api_version]


def _of_users(present: Leaves, is_given: Callable[[Mapping[str, Any]], bool]) -> FieldSet:
    """The fields of an object that nobody has applied yet, without the list elements that the server gave it: a user
    that takes the others over and does not apply these does not want them gone."""
    return frozenset(path for path in present if not any(_holds_given(element, is_given) for element in path))


def _holds_given(element: Element, is_given: Callable[[Mapping[str, Any]], bool]) -> bool:
    return isinstance(element, PathItem) and is_given(dict(element.keys))


def _before(manager: Manager) -> Manager:
    return Manager(BEFORE_FIRST_APPLY, UPDATE, manager.api_version)


def _configuration(document: Doc) -> Doc:
    metadata = {name: value for name, value in document["metadata"].items() if name != "managedFields"}
    return {**document, "metadata": metadata}


def _resolve(
    owners: dict[Manager, Owned], differing: _Differing, force: bool, yielding: FieldSet
) -> dict[Manager, Owned]:
    """The owners without the fields that get other values."""
    found = {manager: owned.fields & differing.under(owned.api_version) for manager, owned in owners.items()}
    conflicts = [(manager, path) for manager, paths in found.items() for path in paths - yielding]
    if conflicts and not force:
        raise _conflict(sorted(conflicts, key=lambda each: (each[0], path_text(each[1]))))
    return {manager: owned._replace(fields=owned.fields - found[manager]) for manager, owned in owners.items()}


def _conflict(conflicts: list[tuple[Manager, Path]]) -> ApiError:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path_text(path)}
        for manager, path in conflicts
    ]
    if len(conflicts) == 1:
        manager, path = conflicts[0]
        message = f"Apply failed with 1 conflict: conflict with {manager}: {path_text(path)}"
    else:
        parts = [
            f"conflicts with {manager}:" + "".join(f"\n- {path_text(path)}" for _, path in theirs)
            for manager, theirs in groupby(conflicts, key=itemgetter(0))
        ]
        message = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(parts)
    return ApiError(409, "Conflict", message, {"causes": causes})
