"""The changeable fields of a Pod: very few, because it describes running processes.

Upstream: ``ValidatePodUpdate`` in pkg/apis/core/validation/validation.go.
"""

from collections.abc import Iterable
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, go_format, invalid, required

_UPDATABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
    "(allow it to be set to 1 if it was previously negative)"
)
_CONTAINER_LISTS = ("containers", "initContainers")


def validate_changes(new: Doc, old: Doc) -> list[FieldError]:
    """The faults of a Pod's spec beside the one that it replaces."""
    if new == old:  # as in each update of a status
        return []
    counts = [_same_containers(new, old, name) for name in _CONTAINER_LISTS]
    if faults := [fault for faults in counts for fault in faults]:
        return faults
    faults = [fault for name in _CONTAINER_LISTS for fault in _images(new, name)]
    faults += _deadline(new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds"))
    faults += _tolerations(new.get("tolerations") or [], old.get("tolerations") or [])
    return faults or _rest(new, old)


def _same_containers(new: Doc, old: Doc, name: str) -> list[FieldError]:
    same = len(new.get(name) or ()) == len(old.get(name) or ())
    return [] if same else [forbidden(f"spec.{name}", "pod updates may not add or remove containers")]


def _images(new: Doc, name: str) -> list[FieldError]:
    containers = enumerate(new.get(name) or ())
    return [required(f"spec.{name}[{i}].image") for i, container in containers if not container.get("image")]


def _deadline(new: int | None, old: int | None) -> list[FieldError]:
    path = "spec.activeDeadlineSeconds"
    if old is None:
        return [] if new is None or new > 0 else [invalid(path, new, "must be between 1 and 2147483647, inclusive")]
    if new is None:
        return [invalid(path, None, "must not update from a positive integer to nil value")]
    return [] if 0 < new <= old else [invalid(path, new, "must be less than or equal to previous value")]


def _tolerations(new: list[Doc], old: list[Doc]) -> list[FieldError]:
    """Tolerations may be added, and how long one holds may change."""
    kept = {_without_seconds(toleration) for toleration in new}
    if all(_without_seconds(toleration) in kept for toleration in old):
        return []
    return [forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")]


def _without_seconds(toleration: Doc) -> frozenset[tuple[str, Any]]:
    return frozenset((key, value) for key, value in toleration.items() if key != "tolerationSeconds")


def _rest(new: Doc, old: Doc) -> list[FieldError]:
    after, before = _fixed(new, old), _fixed(old, old)
    changed = [field for field in sorted({*after, *before}) if after.get(field) != before.get(field)]
    if not changed:
        return []
    detail = f"pod updates may not change fields other than {_UPDATABLE}\n{_difference(changed, after, before)}"
    return [forbidden("spec", detail)]


def _fixed(spec: Doc, old: Doc) -> Doc:
    """The immutable part of a spec."""
    fixed = {key: value for key, value in spec.items() if key not in {"activeDeadlineSeconds", "tolerations"}}
    if old["terminationGracePeriodSeconds"] < 0 and spec["terminationGracePeriodSeconds"] == 1:
        fixed["terminationGracePeriodSeconds"] = old["terminationGracePeriodSeconds"]
    for name in _CONTAINER_LISTS:
        fixed[name] = [{**container, "image": ""} for container in spec.get(name) or ()]
    return fixed


def _difference(fields: Iterable[str], after: Doc, before: Doc) -> str:
    return "\n".join(f"- {field}: {_go_text(before, field)}\n+ {field}: {_go_text(after, field)}" for field in fields)


def _go_text(spec: Doc, field: str) -> Any:
    return go_format(spec.get(field))
