"""CustomResourceDefinitions: a definition is checked and in force in the step that stores it.

Upstream needs controllers to accept its names and to establish it; here both conditions are true at once, unless
another definition has one of its names. Its objects go before it does (``app.controllers.custom_objects``), which a
finalizer holds it for. Upstream: apiextensions-apiserver ``pkg/registry/customresourcedefinition``,
``pkg/controller/{status,establish,finalizer}``.
"""

import msgspec

from fairlead.model.custom_kinds import CLEANUP
from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, invalid
from fairlead.registry.kinds.apiextensions.definition_faults import definition_faults
from fairlead.registry.kinds.cells import NAME
from fairlead.registry.strategy import Column, Context, Strategy

STORAGE = "customresourcedefinitions.apiextensions.k8s.io"
_CREATED = Column("Created At", "date")
_PORT = 443  # of a webhook that names none
# Conditions of a definition whose names are free, each with its reason and message.
_VERDICTS = (
    ("NamesAccepted", "NoConflicts", "no conflicts found"),
    ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
)


def default(document: Doc) -> None:
    spec = document.setdefault("spec", {})
    names = spec.setdefault("names", {})
    if kind := names.get("kind"):
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
    conversion = spec.setdefault("conversion", {"strategy": "None"})
    client = (conversion.get("webhook") or {}).get("clientConfig") or {}
    if (service := client.get("service")) is not None:
        service.setdefault("port", _PORT)


def prepare_create(new: Doc, context: Context) -> None:
    new["metadata"].setdefault("finalizers", [])
    if CLEANUP not in new["metadata"]["finalizers"]:
        new["metadata"]["finalizers"].append(CLEANUP)
    new["status"] = {"storedVersions": []}
    _accept(new, context)


def prepare_update(new: Doc, old: Doc, context: Context) -> None:
    if not new["metadata"].get("deletionTimestamp"):
        _accept(new, context)


def _accept(new: Doc, context: Context) -> None:
    """Say in the status under which names the kind is served, and in which versions its objects may be stored."""
    status, names = new["status"], new["spec"].get("names") or {}
    taken = _conflicting_name(new, context)
    if not taken:
        status["acceptedNames"] = dict(names)
    before = {condition["type"]: condition for condition in status.get("conditions") or ()}
    status["conditions"] = [
        _condition(type_, not taken, ("NameConflict", taken) if taken else (reason, message), before, context.now)
        for type_, reason, message in _VERDICTS
    ]
    stored = [version["name"] for version in new["spec"].get("versions") or () if version.get("storage")]
    status["storedVersions"] = list(dict.fromkeys([*(status.get("storedVersions") or ()), *stored]))


def _condition(type_: str, is_true: bool, why: tuple[str, str], before: dict[str, Doc], now: str) -> Doc:
    status, known = str(is_true), before.get(type_, {})
    since = known["lastTransitionTime"] if known.get("status") == status else now
    return {"type": type_, "status": status, "lastTransitionTime": since, "reason": why[0], "message": why[1]}


def _conflicting_name(new: Doc, context: Context) -> str:
    """Which of its names another definition of the group has; empty when it may have them all."""
    mine = _names(new)
    for key, stored in context.state.of(STORAGE).items():
        if key.name == new["metadata"].get("name") or new["spec"].get("group", "").encode() not in stored.document:
            continue
        other: Doc = msgspec.json.decode(stored.document)
        if other["spec"]["group"] == new["spec"].get("group") and (shared := mine & _names(other)):
            return f'"{min(shared)}" is already in use'
    return ""


def _names(document: Doc) -> set[str]:
    names = document["spec"].get("names") or {}
    fields = (names.get(field) for field in ("plural", "singular", "kind", "listKind"))
    return {name for name in (*fields, *(names.get("shortNames") or ())) if name}


def validate_update(new: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The identity of stored objects must not change: group, plural, scope and kind."""
    found = definition_faults(new, old)
    for path in (("group",), ("scope",), ("names", "plural"), ("names", "kind")):
        value, before = _at(new["spec"], path), _at(old["spec"], path)
        if value != before:
            found.append(invalid(f"spec.{'.'.join(path)}", value, "field is immutable"))
    served = {version["name"] for version in new["spec"].get("versions") or ()}
    for index, version in enumerate(new["status"].get("storedVersions") or ()):
        if version not in served:
            found.append(invalid(f"status.storedVersions[{index}]", version, "missing from spec.versions; must appear"))
    return found


def _at(spec: Doc, path: tuple[str, ...]) -> object:
    value: object = spec
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


STRATEGY = Strategy(
    allows_bare_finalizers=True,
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate_create=lambda new, context: definition_faults(new),
    validate_update=validate_update,
    bumps_generation=lambda new, old: bool(new["spec"] != old["spec"]),
    columns=(NAME, _CREATED),
    row=lambda document, now: [document["metadata"]["name"], document["metadata"].get("creationTimestamp")],
)
