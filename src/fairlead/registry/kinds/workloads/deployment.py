"""Deployments. Upstream: pkg/registry/apps/deployment, pkg/apis/apps/v1/defaults.go."""

from typing import Any

from fairlead.registry.field_errors import FieldError, invalid
from fairlead.registry.kinds.cells import AGE, NAME, age, name, wide
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

_SPEC = {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
_STRATEGIES = ("Recreate", "RollingUpdate")
_ROLLING = {"maxUnavailable": "25%", "maxSurge": "25%"}


def default(deployment: Doc) -> None:
    """Fill what the user left out."""
    spec = deployment.setdefault("spec", {})
    for field, value in _SPEC.items():
        spec.setdefault(field, value)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy["rollingUpdate"] = _ROLLING | strategy.get("rollingUpdate", {})
    default_template(spec)


def prepare_create(deployment: Doc, context: Context) -> None:
    """A new Deployment has no status."""
    deployment["status"] = {}


def validate_create(deployment: Doc, context: Context) -> list[FieldError]:
    """The faults of a new Deployment."""
    spec = deployment["spec"]
    faults = validate_template(spec, "deployment")
    faults += one_of("spec.strategy.type", spec["strategy"]["type"], _STRATEGIES)
    if spec["progressDeadlineSeconds"] <= spec.get("minReadySeconds", 0):
        detail = "must be greater than minReadySeconds"
        faults.append(invalid("spec.progressDeadlineSeconds", spec["progressDeadlineSeconds"], detail))
    return faults


def validate_update(deployment: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed Deployment."""
    return validate_create(deployment, context) + immutable_selector(deployment, old)


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


STRATEGY = Strategy(
    default=default,
    prepare_create=prepare_create,
    validate_create=validate_create,
    validate_update=validate_update,
    bumps_generation=spec_changed,
    columns=(
        NAME,
        Column("Ready"),
        Column("Up-to-date", "integer"),
        Column("Available", "integer"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ),
    row=row,
)
