"""DaemonSets. Upstream: pkg/registry/apps/daemonset, pkg/apis/apps/v1/defaults.go."""

from dataclasses import replace
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, invalid, required
from fairlead.registry.kinds.apps.pod_template import (
    WIDE,
    fill_spec,
    is_zero,
    rolling_faults,
    status_number,
    validate_template,
    wide_cells,
    workload_strategy,
)
from fairlead.registry.kinds.cells import AGE, NAME, age, labels_text, name
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.strategy import Column, Context

_ROLLING = {"maxUnavailable": 1, "maxSurge": 0}
_UPDATE_STRATEGIES = ("OnDelete", "RollingUpdate")
_NUMBERS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
)
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_MOST_DIGITS = 19
_ALWAYS_SHOWN = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")


def default(daemon_set: Doc) -> None:
    """Fill in missing fields."""
    spec = fill_spec(daemon_set, {"revisionHistoryLimit": 10})
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy["rollingUpdate"] = _ROLLING | strategy.get("rollingUpdate", {})


def prepare_create(daemon_set: Doc, context: Context) -> None:
    """A new DaemonSet has no Pods, and the first template."""
    daemon_set["status"] = dict.fromkeys(_ALWAYS_SHOWN, 0)
    _set_generation(daemon_set, max(1, _generation(daemon_set)))


def prepare_update(daemon_set: Doc, old: Doc, context: Context) -> None:
    """Count the templates."""
    is_new = daemon_set["spec"]["template"] != old["spec"]["template"]
    _set_generation(daemon_set, _generation(old) + is_new)


def _generation(daemon_set: Doc) -> int:
    text = (daemon_set["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS else 0


def _set_generation(daemon_set: Doc, generation: int) -> None:
    annotations = daemon_set["metadata"].get("annotations") or {}
    daemon_set["metadata"]["annotations"] = {**annotations, _TEMPLATE_GENERATION: str(generation)}


def faults(daemon_set: Doc) -> list[FieldError]:
    """The faults of a DaemonSet."""
    spec = daemon_set["spec"]
    found = validate_template(spec, "daemonset")
    return found + _strategy(spec["updateStrategy"])


def _strategy(strategy: Doc) -> list[FieldError]:
    """The faults of the update strategy; either an old Pod goes first or a new one comes first, not both."""
    if strategy["type"] != "RollingUpdate":
        return one_of("spec.updateStrategy.type", strategy["type"], _UPDATE_STRATEGIES)
    path, rolling = "spec.updateStrategy.rollingUpdate", strategy["rollingUpdate"]
    found = rolling_faults(path, rolling, all_may_surge=False)
    may_go, may_surge = (not is_zero(rolling[field]) for field in _ROLLING)
    if may_go and may_surge:
        found.append(invalid(f"{path}.maxSurge", rolling["maxSurge"], "may not be set when maxUnavailable is non-zero"))
    if not may_go and not may_surge:
        found.append(required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return found


def row(daemon_set: Doc, now: str) -> list[Any]:
    """The cells of one DaemonSet."""
    return [
        name(daemon_set),
        *(status_number(daemon_set, field) for field in _NUMBERS),
        labels_text(daemon_set["spec"]["template"]["spec"].get("nodeSelector")),
        age(daemon_set, now),
        *wide_cells(daemon_set),
    ]


COLUMNS = (
    NAME,
    *(Column(title, "integer") for title in ("Desired", "Current", "Ready", "Up-to-date", "Available")),
    Column("Node Selector"),
    AGE,
    *WIDE,
)
STRATEGY = replace(
    workload_strategy(default, {}, faults, COLUMNS, row),
    prepare_create=prepare_create,
    prepare_update=prepare_update,
)
