"""PriorityLevelConfigurations. Nothing acts on them here, as on FlowSchemas.

Upstream: pkg/registry/flowcontrol/prioritylevelconfiguration, pkg/apis/flowcontrol/{v1/defaults.go,validation}.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid, not_supported, required
from fairlead.registry.kinds.cells import AGE, NAME, NONE, age, name
from fairlead.registry.strategy import Column, Context, Strategy

_TYPES = ("Exempt", "Limited")
_RESPONSES = ("Queue", "Reject")
_EXEMPT = {"nominalConcurrencyShares": 0, "lendablePercent": 0}
_LIMITED = {"nominalConcurrencyShares": 30, "lendablePercent": 0}
_QUEUING = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}
_MOST_QUEUES = 10_000_000


def default(level: Doc) -> None:
    """Fill in missing fields."""
    spec = level.setdefault("spec", {})
    if spec.get("type") == "Exempt":
        spec["exempt"] = {**_EXEMPT, **(spec.get("exempt") or {})}
    limited = spec.get("limited")
    if isinstance(limited, dict):
        spec["limited"] = {**_LIMITED, **limited}
        response = limited.get("limitResponse") or {}
        if response.get("type") == "Queue" and isinstance(response.get("queuing"), dict):
            response["queuing"] = {**_QUEUING, **{key: value for key, value in response["queuing"].items() if value}}


def validate(level: Doc, context: Context) -> list[FieldError]:
    """The faults of a level."""
    return list(_faults(level["metadata"].get("name", ""), level["spec"]))


def _faults(named: str, spec: Doc) -> Iterator[FieldError]:
    type_ = spec.get("type", "")
    if (named == "exempt") != (type_ == "Exempt"):
        yield invalid("spec.type", type_, "type must be 'Exempt' if and only if `name` is 'exempt'")
    if type_ not in _TYPES:
        yield not_supported("spec.type", type_, _TYPES)
        return
    for field, other in (("exempt", "Limited"), ("limited", "Exempt")):
        if type_ == other and field in spec:
            yield forbidden(f"spec.{field}", f"must be nil if the type is {other}")
    if type_ == "Limited":
        yield from _limited(spec["limited"]) if "limited" in spec else [required("spec.limited", "must not be empty")]


def _limited(limited: Doc) -> Iterator[FieldError]:
    path = "spec.limited"
    if limited["nominalConcurrencyShares"] < 0:
        shares = limited["nominalConcurrencyShares"]
        yield invalid(f"{path}.nominalConcurrencyShares", shares, "must be a non-negative integer")
    if not 0 <= limited["lendablePercent"] <= 100:
        yield invalid(f"{path}.lendablePercent", limited["lendablePercent"], "must be between 0 and 100, inclusive")
    if limited.get("borrowingLimitPercent", 0) < 0:
        detail = "if specified, must be a non-negative integer"
        yield invalid(f"{path}.borrowingLimitPercent", limited["borrowingLimitPercent"], detail)
    response = limited.get("limitResponse") or {}
    type_, queuing = response.get("type", ""), response.get("queuing")
    if type_ not in _RESPONSES:
        yield not_supported(f"{path}.limitResponse.type", type_, _RESPONSES)
    elif type_ == "Reject" and queuing is not None:
        yield forbidden(f"{path}.limitResponse.queuing", "must be nil if limited.limitResponse.type is not Limited")
    elif type_ == "Queue" and queuing is None:
        yield required(f"{path}.limitResponse.queuing", "must not be empty if limited.limitResponse.type is Limited")
    elif type_ == "Queue":
        yield from _queuing(f"{path}.limitResponse.queuing", queuing or {})


def _queuing(path: str, queuing: Doc) -> Iterator[FieldError]:
    for field in _QUEUING:
        if queuing[field] <= 0:
            yield invalid(f"{path}.{field}", queuing[field], "must be positive")
    if queuing["queues"] > _MOST_QUEUES:
        yield invalid(f"{path}.queues", queuing["queues"], f"must not be greater than {_MOST_QUEUES}")
    if queuing["handSize"] > queuing["queues"]:
        detail = f"should not be greater than queues ({queuing['queues']})"
        yield invalid(f"{path}.handSize", queuing["handSize"], detail)


def _row(level: Doc, now: str) -> list[Any]:
    spec = level["spec"]
    limited = spec.get("limited") or spec.get("exempt") or {}
    queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
    shown = [queuing.get(field, NONE) for field in _QUEUING]
    return [name(level), spec["type"], limited.get("nominalConcurrencyShares", NONE), *shown, age(level, now)]


STRATEGY = Strategy(
    default=default,
    validate_create=validate,
    validate_update=lambda new, old, context: validate(new, context),
    bumps_generation=lambda new, old: bool(new["spec"] != old["spec"]),
    columns=(
        *(NAME, Column("Type"), Column("NominalConcurrencyShares"), Column("Queues"), Column("HandSize")),
        *(Column("QueueLengthLimit"), AGE),
    ),
    row=_row,
)
