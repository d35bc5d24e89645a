"""Applying a configuration: what it makes of an object, and who owns which fields then.

Fields are tracked from the first write on: what the server adds to a new object belongs to nobody. A manager that
changes a field by an update takes it from all others; one that applies a different value than another owner's is
refused unless it forces. A field that its last owner no longer applies is removed. What is not tracked (a store of an
earlier version, or a client that gave the owners up) belongs to ``before-first-apply`` from the first apply on.
Upstream: structured-merge-diff ``merge/update.go``, apimachinery ``util/managedfields``.
"""

from collections.abc import Callable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.documents.managed_fields.entries import UPDATE, Manager, Owned, read_owners, write_owners
from fairlead.registry.documents.managed_fields.last_applied import KUBECTL, remember, still_as_applied
from fairlead.registry.documents.managed_fields.leaves import Leaves, leaves_of
from fairlead.registry.documents.managed_fields.merge import merge_applied, without_fields
from fairlead.registry.documents.managed_fields.paths import (
    EMPTY,
    Element,
    FieldSet,
    Path,
    PathField,
    PathItem,
    path_text,
)
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


def apply_configuration(type_name: str, live: Doc | None, application: AppliedConfiguration) -> Doc:
    """The object that a configuration makes of the live one (None: there is none), with its new owners.

    Raises:
        ApiError: 409, another manager owns a field with a different value.
    """
    manager, configuration, force, now, is_given = application
    applied = leaves_of(type_name, configuration)
    if live is None:
        result = dict(configuration)
        write_owners(result, {manager: Owned(frozenset(applied), now)})
        return result
    present = leaves_of(type_name, live)
    owners = read_owners(live) or {_before(manager): Owned(_of_users(present, is_given), now)}
    before = owners.pop(manager, Owned(EMPTY, now))
    is_kubectl = manager.name == KUBECTL
    yielding = still_as_applied(type_name, live, present) if is_kubectl else EMPTY
    owners = _resolve(owners, applied, present, force, yielding)
    held = frozenset(path for owned in owners.values() for path in owned.fields)
    shared = {
        path[:length] for path in held for length in range(1, len(path)) if isinstance(path[length - 1], PathItem)
    }
    # Of a shared list element others own a part, so it stays; and so does an object that was empty when it was owned.
    given_up = before.fields - applied.keys() - held - shared - _filled(present)
    result = without_fields(merge_applied(type_name, live, _configuration(configuration)), given_up)
    if is_kubectl:
        remember(result, configuration)
    time = before.time if before.fields == applied.keys() else now
    write_owners(result, {**owners, manager: Owned(frozenset(applied), time)})
    return result


def _filled(present: Leaves) -> set[Path]:
    """The paths of objects that have fields."""
    return {
        path[:length] for path in present for length in range(1, len(path)) if isinstance(path[length - 1], PathField)
    }


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
    owners: dict[Manager, Owned], applied: Leaves, present: Leaves, force: bool, yielding: FieldSet
) -> dict[Manager, Owned]:
    differing = {path for path, value in applied.items() if path not in present or present[path] != value}
    conflicts = [(manager, path) for manager, owned in owners.items() for path in owned.fields & differing - yielding]
    if conflicts and not force:
        raise _conflict(sorted(conflicts, key=lambda each: (each[0], path_text(each[1]))))
    return {manager: Owned(owned.fields - differing, owned.time) for manager, owned in owners.items()}


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
