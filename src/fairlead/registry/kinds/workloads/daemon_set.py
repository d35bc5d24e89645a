"""DaemonSets. Upstream: pkg/registry/apps/daemonset, pkg/apis/apps/v1/defaults.go."""

from typing import Any

from fairlead.registry.field_errors import FieldError
from fairlead.registry.kinds.cells import AGE, NAME, age, labels_text, name, wide
from fairlead.registry.kinds.rules import one_of
from fairlead.registry.kinds.workloads.rules import (
    default_template,
    immutable_selector,
    spec_changed,
    status_number,
    validate_template,
    wide_cells,
)
from fairlead.registry.strategy import Column, Context, Doc, Strategy

_ROLLING = {"maxUnavailable": 1, "maxSurge": 0}
_UPDATE_STRATEGIES = ("OnDelete", "RollingUpdate")
_NUMBERS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
)
_ALWAYS_SHOWN = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")


def default(daemon_set: Doc) -> None:
    """Fill what the user left out."""
    spec = daemon_set.setdefault("spec", {})
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy["rollingUpdate"] = _ROLLING | strategy.get("rollingUpdate", {})
    default_template(spec)


def prepare_create(daemon_set: Doc, context: Context) -> None:
    """A new DaemonSet has no Pods."""
    daemon_set["status"] = dict.fromkeys(_ALWAYS_SHOWN, 0)


def validate_create(daemon_set: Doc, context: Context) -> list[FieldError]:
    """The faults of a new DaemonSet."""
    spec = daemon_set["spec"]
    faults = validate_template(spec, "daemonset")
    return faults + one_of("spec.updateStrategy.type", spec["updateStrategy"]["type"], _UPDATE_STRATEGIES)


def validate_update(daemon_set: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed DaemonSet."""
    return validate_create(daemon_set, context) + immutable_selector(daemon_set, old)


def row(daemon_set: Doc, now: str) -> list[Any]:
    """The cells of one DaemonSet."""
    return [
        name(daemon_set),
        *(status_number(daemon_set, field) for field in _NUMBERS),
        labels_text(daemon_set["spec"]["template"]["spec"].get("nodeSelector")),
        age(daemon_set, now),
        *wide_cells(daemon_set),
    ]


STRATEGY = Strategy(
    default=default,
    prepare_create=prepare_create,
    validate_create=validate_create,
    validate_update=validate_update,
    bumps_generation=spec_changed,
    columns=(
        NAME,
        *(Column(title, "integer") for title in ("Desired", "Current", "Ready", "Up-to-date", "Available")),
        Column("Node Selector"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ),
    row=row,
)
