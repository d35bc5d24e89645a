"""The owners of fields in ``metadata.managedFields``: read, written, and updated entry by entry.

An update touches few fields, so entries are only decomposed if they contain one of these.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from fairlead.model.document import Doc, as_object
from fairlead.registry.documents.managed_fields.differences import differences
from fairlead.registry.documents.managed_fields.paths import FieldSet, from_fields_v1, to_fields_v1
from fairlead.registry.documents.managed_fields.tree import tree_of
from fairlead.registry.documents.managed_fields.versions import Versions
from fairlead.registry.documents.managed_fields.wire_sets import difference, union
from fairlead.registry.status import ApiError

APPLY, UPDATE = "Apply", "Update"


class Manager(NamedTuple):
    """The writer, its operation, and the version and subresource that it uses.

    What it applies through one version and then another is one configuration: such a manager is known without its
    version (``known``). Upstream: apimachinery ``util/managedfields/internal/managedfields.go``.
    """

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    @property
    def known(self) -> "Manager":
        """The key by which managers are distinguished."""
        return self._replace(api_version="") if self.operation == APPLY else self

    def __str__(self) -> str:
        """As a conflict names it."""
        if self.operation == APPLY:
            return f'"{self.name}"'
        through = f' with subresource "{self.subresource}"' if self.subresource else ""
        return f'"{self.name}"{through} using {self.api_version}'


class Owned(NamedTuple):
    """The fields of one manager as a version has them, and when it last changed them."""

    fields: FieldSet
    time: str
    api_version: str


Owners = Mapping[Manager, Owned]


def is_tracked(document: Doc) -> bool:
    """Whether the document names owners of its fields."""
    return any(True for _ in _entries(document))


def read_owners(document: Doc, versions: Versions) -> dict[Manager, Owned]:
    """The owners that a document names, by their known names. Those of versions that are no more are left out."""
    found = {}
    for entry in _entries(document):
        manager = _manager(entry)
        if versions.type_of(manager.api_version) is not None:
            fields, time = from_fields_v1(entry.get("fieldsV1")), str(entry.get("time", ""))
            found[manager.known] = Owned(fields, time, manager.api_version)
    return found


def write_owners(document: Doc, owners: Owners) -> None:
    """Put the owners into the document."""
    entries = [_entry(manager, owned) for manager, owned in sorted(owners.items()) if owned.fields]
    _write(document, entries)


def own_all(versions: Versions, document: Doc, without: Iterable[str], manager: Manager, now: str) -> None:
    """Make the manager of a new object the owner of its fields; ``without``: parts that it cannot write."""
    said = {name: value for name, value in document.items() if name not in without}
    try:
        said = versions.converted(said, manager.api_version)
        tree = tree_of(versions.type_of(manager.api_version) or "", said)
        _write(document, [_raw_entry(manager, tree, now)] if tree else [])
    except ApiError:  # elements that are not distinguishable; validation decides whether they are allowed
        _write(document, [])


def follow_update(versions: Versions, old: Doc, new: Doc, manager: Manager, now: str) -> None:
    """Move ownership after an update: write the resulting owners into ``new``. Untracked objects stay untracked. An
    update can also rewrite the owners themselves: clients do so to hand over fields, or to drop all owners.
    """
    rewritten = new["metadata"].get("managedFields")
    entries = list(_entries(old if rewritten is None else new))
    if entries:
        try:
            entries = _followed(entries, _Changes(versions, old, new), manager, now)
        except ApiError:  # as for a new object
            entries = list(_entries(old))
    _write(new, entries)


class _Change(NamedTuple):
    """What an update changes, in the JSON form: the fields with new values, the removed ones, and both."""

    changed: Doc
    gone: Doc
    both: Doc


class _Changes:
    """What an update changes, as each version has it; found once for each version that is asked for."""

    def __init__(self, versions: Versions, old: Doc, new: Doc) -> None:
        self._versions, self._sides = versions, (old, new)
        self._found: dict[str, _Change | None] = {}

    def under(self, api_version: str) -> _Change | None:
        """The changes under a version; None when there is no such version."""
        if api_version not in self._found:
            type_name = self._versions.type_of(api_version)
            self._found[api_version] = None if type_name is None else self._change(type_name, api_version)
        return self._found[api_version]

    def _change(self, type_name: str, api_version: str) -> _Change:
        found = differences(type_name, *(self._versions.converted(side, api_version) for side in self._sides))
        changed, gone = to_fields_v1(found.changed), to_fields_v1(found.gone)
        return _Change(changed, gone, union(changed, gone) if changed and gone else changed or gone)


def _followed(entries: list[Doc], changes: _Changes, manager: Manager, now: str) -> list[Doc]:
    """The entries after the changes of a manager, which takes from all others what it changed. Entries of versions
    that are no more go."""
    found = changes.under(manager.api_version)
    mine = next((entry for entry in entries if _manager(entry) == manager), None)
    own = mine and found and _without(mine, found.gone)
    if found and found.changed:
        own = _with(own, found.changed, manager, now)
    others = [_left_to(entry, changes) for entry in entries if entry is not mine]
    return sorted((entry for entry in (own, *others) if entry), key=_manager)


def _left_to(entry: Doc, changes: _Changes) -> Doc | None:
    """What an update by others leaves of an entry."""
    found = changes.under(_manager(entry).api_version)
    return found and _without(entry, found.both)


def _with(entry: Doc | None, fields: Doc, manager: Manager, now: str) -> Doc:
    held = _tree(entry) if entry else {}
    return _raw_entry(manager, union(held, fields) if held else fields, now)


def _without(entry: Doc, fields: Doc) -> Doc | None:
    """The entry without these fields; None if that leaves nothing."""
    held = _tree(entry)
    if not fields or not held:
        return entry
    left = difference(held, fields)
    return {**entry, "fieldsV1": left} if left else None


def _tree(entry: Doc) -> Doc:
    """The fields of an entry, which a client may have written."""
    return as_object(entry.get("fieldsV1"))


def _entries(document: Doc) -> Iterator[Doc]:
    for entry in document["metadata"].get("managedFields") or ():
        if entry.get("manager") and entry.get("operation") in (APPLY, UPDATE):
            yield entry


def _manager(entry: Doc) -> Manager:
    return Manager(*(str(entry.get(name, "")) for name in ("manager", "operation", "apiVersion", "subresource")))


def _entry(manager: Manager, owned: Owned) -> Doc:
    return _raw_entry(manager._replace(api_version=owned.api_version), to_fields_v1(owned.fields), owned.time)


def _raw_entry(manager: Manager, fields: Doc, time: str) -> Doc:
    entry: Doc = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry


def _write(document: Doc, entries: list[Doc]) -> None:
    document["metadata"].pop("managedFields", None)
    if entries:
        document["metadata"]["managedFields"] = entries
