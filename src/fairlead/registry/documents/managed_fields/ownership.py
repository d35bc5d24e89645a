"""Who owns which fields: applying a configuration, and following what other writes do.

An object's fields are tracked from its first apply on; what it had then belongs to ``before-first-apply``. From there
every write moves ownership: who changes a field by an update takes it from everybody, who applies a different value
than another owner's is refused unless it forces. A field that its last owner no longer applies is removed.
Upstream: structured-merge-diff ``merge/update.go``, apimachinery ``util/managedfields``.
"""

from collections.abc import Callable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.documents.managed_fields.last_applied import KUBECTL, remember, still_as_applied
from fairlead.registry.documents.managed_fields.leaves import Leaves, leaves_of
from fairlead.registry.documents.managed_fields.merge import merge_applied, without_fields
from fairlead.registry.documents.managed_fields.paths import (
    EMPTY,
    Element,
    FieldSet,
    Item,
    Path,
    from_fields_v1,
    path_text,
    to_fields_v1,
)
from fairlead.registry.status import ApiError

APPLY, UPDATE = "Apply", "Update"
BEFORE_FIRST_APPLY = "before-first-apply"


class Manager(NamedTuple):
    """Who writes, how, and through which version and side of the object."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    def __str__(self) -> str:
        """As a conflict names it."""
        if self.operation == APPLY:
            return f'"{self.name}"'
        through = f' with subresource "{self.subresource}"' if self.subresource else ""
        return f'"{self.name}"{through} using {self.api_version}'


class Owned(NamedTuple):
    """The fields of one manager, and when it last changed them."""

    fields: FieldSet
    time: str


Owners = Mapping[Manager, Owned]


def read_owners(document: Doc) -> dict[Manager, Owned]:
    """The owners that a document names; empty when its fields are not tracked."""
    found = {}
    for entry in document["metadata"].get("managedFields") or []:
        if entry.get("manager") and entry.get("operation") in (APPLY, UPDATE):
            names = ("manager", "operation", "apiVersion", "subresource")
            manager = Manager(*(str(entry.get(name, "")) for name in names))
            found[manager] = Owned(from_fields_v1(entry.get("fieldsV1")), str(entry.get("time", "")))
    return found


def write_owners(document: Doc, owners: Owners) -> None:
    """Put the owners into the document."""
    entries = [_entry(manager, owned) for manager, owned in sorted(owners.items()) if owned.fields]
    document["metadata"].pop("managedFields", None)
    if entries:
        document["metadata"]["managedFields"] = entries


def _entry(manager: Manager, owned: Owned) -> Doc:
    entry: Doc = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": owned.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": to_fields_v1(owned.fields),
    }
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry


class Application(NamedTuple):
    """A configuration to apply.

    Attributes:
        is_given: whether the list element with these keys was put into the object by the server, not by a user.
    """

    manager: Manager
    configuration: Doc
    force: bool
    now: str
    is_given: Callable[[Mapping[str, Any]], bool] = lambda keys: False


def apply_configuration(type_name: str, live: Doc | None, application: Application) -> Doc:
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
    shared = {path[:length] for path in held for length in range(1, len(path)) if isinstance(path[length - 1], Item)}
    given_up = before.fields - applied.keys() - held - shared  # of a shared list element others own a part, so it stays
    result = without_fields(merge_applied(type_name, live, _configuration(configuration)), given_up)
    if is_kubectl:
        remember(result, configuration)
    time = before.time if before.fields == applied.keys() else now
    write_owners(result, {**owners, manager: Owned(frozenset(applied), time)})
    return result


def _of_users(present: Leaves, is_given: Callable[[Mapping[str, Any]], bool]) -> FieldSet:
    """The fields of an object that nobody has applied yet, without the list elements that the server gave it: a user
    that takes the others over and does not apply these does not want them gone."""
    return frozenset(path for path in present if not any(_holds_given(element, is_given) for element in path))


def _holds_given(element: Element, is_given: Callable[[Mapping[str, Any]], bool]) -> bool:
    return isinstance(element, Item) and is_given(dict(element.keys))


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


def follow_update(type_name: str, old: Doc, new: Doc, manager: Manager, now: str) -> None:
    """Move ownership after an update: put into ``new`` the owners that it leaves. Untracked objects stay untracked.

    An update may rewrite the owners themselves, which is how clients hand over fields, or forget them all.
    """
    rewritten = new["metadata"].get("managedFields")
    owners = read_owners(old if rewritten is None else new)
    if not owners:
        new["metadata"].pop("managedFields", None)
        return
    before, after = leaves_of(type_name, old), leaves_of(type_name, new)
    changed = frozenset(path for path, value in after.items() if path not in before or before[path] != value)
    gone = frozenset(before.keys() - after.keys())
    owners = {other: Owned(owned.fields - gone - changed, owned.time) for other, owned in owners.items()}
    if changed:
        mine = owners.get(manager, Owned(EMPTY, now))
        owners[manager] = Owned(mine.fields | changed, now)
    write_owners(new, owners)
