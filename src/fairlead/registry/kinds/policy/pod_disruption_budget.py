"""PodDisruptionBudgets. Upstream: pkg/registry/policy/poddisruptionbudget, pkg/apis/policy/validation."""

from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, invalid, not_supported
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.kinds.value_rules import amount_errors
from fairlead.registry.strategy import Column, Context, Strategy

_AMOUNTS = ("minAvailable", "maxUnavailable")
_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def prepare_create(budget: Doc, context: Context) -> None:
    """No disruption is allowed before the controller has counted."""
    budget["status"] = {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0}


def validate_create(budget: Doc, context: Context) -> list[FieldError]:
    """The faults of a budget."""
    spec = budget.get("spec") or {}
    given = {field: spec[field] for field in _AMOUNTS if spec.get(field) is not None}
    faults = []
    if len(given) == len(_AMOUNTS):
        faults.append(invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
    faults += [invalid(f"spec.{field}", value, why) for field, value in given.items() for why in amount_errors(value)]
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _POLICIES:
        faults.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, _POLICIES))
    return faults


def row(budget: Doc, now: str) -> list[Any]:
    """The cells of one budget."""
    spec, status = budget.get("spec") or {}, budget.get("status") or {}
    amounts = ("N/A" if spec.get(field) is None else str(spec[field]) for field in _AMOUNTS)
    return [name(budget), *amounts, status.get("disruptionsAllowed", 0), age(budget, now)]


STRATEGY = Strategy(
    prepare_create=prepare_create,
    validate_create=validate_create,
    validate_update=lambda budget, old, context: validate_create(budget, context),
    bumps_generation=lambda new, old: bool(new.get("spec") != old.get("spec")),
    columns=(
        NAME,
        Column("Min Available"),
        Column("Max Unavailable"),
        Column("Allowed Disruptions", "integer"),
        AGE,
    ),
    row=row,
)
