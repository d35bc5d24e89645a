"""Deployments. Upstream: pkg/registry/apps/deployment, pkg/apis/apps/v1/defaults.go."""

from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid
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
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.strategy import Column

_SPEC = {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
_STRATEGIES = ("Recreate", "RollingUpdate")
_ROLLING = {"maxUnavailable": "25%", "maxSurge": "25%"}


def default(deployment: Doc) -> None:
    """Fill in missing fields."""
    strategy = fill_spec(deployment, _SPEC).setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy["rollingUpdate"] = _ROLLING | strategy.get("rollingUpdate", {})


def faults(deployment: Doc) -> list[FieldError]:
    """The faults of a Deployment."""
    spec = deployment["spec"]
    found = validate_template(spec, "deployment")
    found += _strategy(spec["strategy"])
    if spec["progressDeadlineSeconds"] <= spec.get("minReadySeconds", 0):
        detail = "must be greater than minReadySeconds"
        found.append(invalid("spec.progressDeadlineSeconds", spec["progressDeadlineSeconds"], detail))
    return found


def _strategy(strategy: Doc) -> list[FieldError]:
    path = "spec.strategy.rollingUpdate"
    if strategy["type"] == "Recreate" and strategy.get("rollingUpdate") is not None:
        return [forbidden(path, "may not be specified when strategy `type` is 'Recreate'")]
    if strategy["type"] != "RollingUpdate":
        return one_of("spec.strategy.type", strategy["type"], _STRATEGIES)
    rolling = strategy["rollingUpdate"]
    return rolling_faults(path, rolling) + _stuck(path, rolling)


def _stuck(path: str, rolling: Doc) -> list[FieldError]:
    """The fault of an update strategy that can neither add nor remove a Pod."""
    if all(is_zero(rolling[field]) for field in _ROLLING):
        return [invalid(f"{path}.maxUnavailable", rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")]
    return []


def row(deployment: Doc, now: str) -> list[Any]:
    """The cells of one Deployment."""
    return [
        name(deployment),
        f"{status_number(deployment, 'readyReplicas')}/{deployment['spec']['replicas']}",
        status_number(deployment, "updatedReplicas"),
        status_number(deployment, "availableReplicas"),
        age(deployment, now),
        *wide_cells(deployment),
    ]


STRATEGY = workload_strategy(
    default,
    {},
    faults,
    (NAME, Column("Ready"), Column("Up-to-date", "integer"), Column("Available", "integer"), AGE, *WIDE),
    row,
)
