"""Deployments, ReplicaSets and StatefulSets.

Upstream: pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation, pkg/registry/apps, ``printDeployment`` and its like.
"""

from collections.abc import Callable, Sequence
from typing import Any

from fairlead.model.labels import contains
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, age, joined, labels_text, name, wide
from fairlead.registry.strategy import Column, Context, Doc, Strategy

_POD_COLUMNS = (wide("Containers"), wide("Images"))
_SELECTOR = wide("Selector")

_STATEFUL_SET_MAY_CHANGE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def _default_deployment(doc: Doc) -> None:
    spec = doc.setdefault("spec", {})
    for key, value in (("replicas", 1), ("revisionHistoryLimit", 10), ("progressDeadlineSeconds", 600)):
        spec.setdefault(key, value)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def _default_replica_set(doc: Doc) -> None:
    doc.setdefault("spec", {}).setdefault("replicas", 1)


def _default_stateful_set(doc: Doc) -> None:
    spec = doc.setdefault("spec", {})
    for key, value in (("replicas", 1), ("revisionHistoryLimit", 10), ("podManagementPolicy", "OrderedReady")):
        spec.setdefault(key, value)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)


def _spec_changed(new: Doc, old: Doc) -> bool:
    return new.get("spec") != old.get("spec")


def _validate(new: Doc, _: Context) -> Sequence[FieldError]:
    spec = new["spec"]
    errors = []
    if not spec.get("selector"):
        errors.append(required("spec.selector"))
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    pairs = (spec.get("selector") or {}).get("matchLabels") or {}
    if not contains(labels, pairs):
        errors.append(invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"))
    if spec["replicas"] < 0:
        errors.append(invalid("spec.replicas", spec["replicas"], "must be greater than or equal to 0"))
    return errors


def _validate_update(new: Doc, old: Doc, context: Context) -> Sequence[FieldError]:
    errors = list(_validate(new, context))
    selector = new["spec"].get("selector")
    if selector != old["spec"].get("selector"):
        errors.append(invalid("spec.selector", selector, "field is immutable"))
    return errors


def _validate_stateful_set_update(new: Doc, old: Doc, context: Context) -> Sequence[FieldError]:
    changed = [key for key in {**new["spec"], **old["spec"]} if new["spec"].get(key) != old["spec"].get(key)]
    if all(key in _STATEFUL_SET_MAY_CHANGE for key in changed):
        return _validate(new, context)
    *most, last = (f"'{field}'" for field in _STATEFUL_SET_MAY_CHANGE)
    allowed = f"{', '.join(most)} and {last}"
    return [forbidden("spec", f"updates to statefulset spec for fields other than {allowed} are forbidden")]


def _number(doc: Doc, part: str, key: str) -> int:
    return int((doc.get(part) or {}).get(key) or 0)


def _ready(doc: Doc) -> str:
    return f"{_number(doc, 'status', 'readyReplicas')}/{_number(doc, 'spec', 'replicas')}"


def _pod_cells(doc: Doc) -> list[Any]:
    containers = doc["spec"]["template"].get("spec", {}).get("containers") or ()
    return [joined(c["name"] for c in containers), joined(c.get("image", "") for c in containers)]


def _selector_cell(doc: Doc) -> str:
    return labels_text((doc["spec"].get("selector") or {}).get("matchLabels"))


def _deployment_row(doc: Doc, now: str) -> list[Any]:
    counts = [_number(doc, "status", key) for key in ("updatedReplicas", "availableReplicas")]
    return [name(doc), _ready(doc), *counts, age(doc, now), *_pod_cells(doc), _selector_cell(doc)]


def _replica_set_row(doc: Doc, now: str) -> list[Any]:
    counts = [_number(doc, "status", key) for key in ("replicas", "readyReplicas")]
    desired = _number(doc, "spec", "replicas")
    return [name(doc), desired, *counts, age(doc, now), *_pod_cells(doc), _selector_cell(doc)]


def _stateful_set_row(doc: Doc, now: str) -> list[Any]:
    return [name(doc), _ready(doc), age(doc, now), *_pod_cells(doc)]


def _strategy(
    default: Callable[[Doc], None],
    columns: tuple[Column, ...],
    row: Callable[[Doc, str], list[Any]],
    validate_update: Callable[[Doc, Doc, Context], Sequence[FieldError]] = _validate_update,
) -> Strategy:
    return Strategy(
        default=default,
        validate_create=_validate,
        validate_update=validate_update,
        bumps_generation=_spec_changed,
        columns=columns,
        row=row,
    )


_COUNT = "integer"

DEPLOYMENT = _strategy(
    _default_deployment,
    (NAME, Column("Ready"), Column("Up-to-date", _COUNT), Column("Available", _COUNT), AGE, *_POD_COLUMNS, _SELECTOR),
    _deployment_row,
)
REPLICA_SET = _strategy(
    _default_replica_set,
    (NAME, *(Column(head, _COUNT) for head in ("Desired", "Current", "Ready")), AGE, *_POD_COLUMNS, _SELECTOR),
    _replica_set_row,
)
STATEFUL_SET = _strategy(
    _default_stateful_set,
    (NAME, Column("Ready"), AGE, *_POD_COLUMNS),
    _stateful_set_row,
    _validate_stateful_set_update,
)
