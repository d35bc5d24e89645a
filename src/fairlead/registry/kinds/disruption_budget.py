"""PodDisruptionBudgets. Upstream: pkg/registry/policy/poddisruptionbudget, pkg/apis/policy/validation."""

import re
from typing import Any

from fairlead.registry.field_errors import FieldError, invalid, not_supported
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.strategy import Column, Context, Doc, Strategy

_AMOUNTS = ("minAvailable", "maxUnavailable")
_POLICIES = ("AlwaysAllow", "IfHealthyBudget")
_PERCENT = re.compile(r"\d+%")
_NO_AMOUNT = "a valid percent string must be a numeric string followed by an ending '%'"


def prepare_create(budget: Doc, context: Context) -> None:
    """Nothing may be disrupted before the controller has looked."""
    budget["status"] = {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0}


def validate_create(budget: Doc, context: Context) -> list[FieldError]:
    """The faults of a budget."""
    spec = budget.get("spec") or {}
    faults = []
    if all(spec.get(field) is not None for field in _AMOUNTS):
        faults.append(invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
    for field in _AMOUNTS:
        faults += _amount(f"spec.{field}", spec.get(field))
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _POLICIES:
        faults.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, _POLICIES))
    return faults


def _amount(path: str, value: Any) -> list[FieldError]:
    if isinstance(value, str):
        if not _PERCENT.fullmatch(value):
            return [invalid(path, value, _NO_AMOUNT)]
        return [] if int(value[:-1]) <= 100 else [invalid(path, value, "must not be greater than 100%")]
    if value is not None and value < 0:
        return [invalid(path, value, "must be greater than or equal to 0")]
    return []


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
