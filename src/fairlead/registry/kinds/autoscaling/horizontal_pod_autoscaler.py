"""HorizontalPodAutoscalers: completed, checked and stored. Nothing here measures Pods, as the condition of each says.

Upstream: pkg/registry/autoscaling/horizontalpodautoscaler, pkg/apis/autoscaling/v2/defaults.go and
``ValidateHorizontalPodAutoscaler``.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, age, joined, name
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.strategy import Column, Context, Strategy

_UTILIZATION = 80
_CPU = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": _UTILIZATION}}
_METRICS = [{"type": "Resource", "resource": _CPU}]
_UP = {
    "selectPolicy": "Max",
    "stabilizationWindowSeconds": 0,
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}
# Type of a metric -> the field that it is in.
_SOURCES = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_TARGETS = {"AverageValue": "averageValue", "Utilization": "averageUtilization", "Value": "value"}
_SELECT_POLICIES = ("Disabled", "Max", "Min")
_POLICY_TYPES = ("Percent", "Pods")
_LONGEST_WINDOW, _LONGEST_PERIOD = 3600, 1800
_NO_METRICS = "nothing in this cluster measures Pods, so the number of replicas stays as it is"


def default(autoscaler: Doc) -> None:
    """Fill in missing fields."""
    spec = autoscaler.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    spec["metrics"] = spec.get("metrics") or [dict(each) for each in _METRICS]
    if (behavior := spec.get("behavior")) is not None:
        for side, rules in (("scaleUp", _UP), ("scaleDown", _DOWN)):
            given = behavior.get(side) or {}
            behavior[side] = {**rules, **{field: value for field, value in given.items() if value is not None}}


def prepare_create(autoscaler: Doc, context: Context) -> None:
    """A new autoscaler has a condition that says that no controller acts on it."""
    condition = {"type": "ScalingActive", "status": "False", "reason": "NoMetrics", "message": _NO_METRICS}
    autoscaler["status"] = {
        "conditions": [{**condition, "lastTransitionTime": context.now}],
        "desiredReplicas": 0,
    }


def validate(autoscaler: Doc, context: Context) -> list[FieldError]:
    """The faults of an autoscaler."""
    spec = autoscaler["spec"]
    least, most, target = spec["minReplicas"], spec.get("maxReplicas", 0), spec.get("scaleTargetRef") or {}
    faults = []
    if least < 1:
        faults.append(invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        faults.append(invalid("spec.maxReplicas", most, "must be greater than 0"))
    elif most < least:
        faults.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    faults += [required(f"spec.scaleTargetRef.{field}") for field in ("kind", "name") if not target.get(field)]
    for index, metric in enumerate(spec["metrics"]):
        faults += _metric(f"spec.metrics[{index}]", metric)
    for side in ("scaleUp", "scaleDown"):
        if rules := (spec.get("behavior") or {}).get(side):
            faults += _rules(f"spec.behavior.{side}", rules)
    return faults


def _metric(path: str, metric: Doc) -> Iterator[FieldError]:
    type_ = metric.get("type", "")
    if not type_:
        yield required(f"{path}.type", "must specify a metric source type")
        return
    if type_ not in _SOURCES:
        yield from one_of(f"{path}.type", type_, tuple(_SOURCES))
        return
    field = _SOURCES[type_]
    source = metric.get(field)
    for other in _SOURCES.values():
        if other != field and metric.get(other) is not None:
            yield forbidden(f"{path}.{other}", "must populate the given metric source only")
    if source is None:
        yield required(f"{path}.{field}", "must populate information for the given metric source")
    else:
        yield from _target(f"{path}.{field}.target", source.get("target") or {})


def _target(path: str, target: Doc) -> Iterator[FieldError]:
    type_ = target.get("type", "")
    if not type_:
        yield required(f"{path}.type", "must specify a metric target type")
    elif type_ not in _TARGETS:
        yield invalid(f"{path}.type", type_, "must be either Utilization, Value, or AverageValue")
    elif target.get(_TARGETS[type_]) is None:
        yield required(f"{path}.{_TARGETS[type_]}", f"must specify a positive target {_TARGETS[type_]}")


def _rules(path: str, rules: Doc) -> Iterator[FieldError]:
    yield from one_of(f"{path}.selectPolicy", rules["selectPolicy"], _SELECT_POLICIES)
    window = rules.get("stabilizationWindowSeconds") or 0
    if not 0 <= window <= _LONGEST_WINDOW:
        bound = f"less than or equal to {_LONGEST_WINDOW}" if window > 0 else "greater than or equal to zero"
        yield invalid(f"{path}.stabilizationWindowSeconds", window, f"must be {bound}")
    if not rules["policies"]:
        yield required(f"{path}.policies", "must specify at least one Policy")
    for index, policy in enumerate(rules["policies"]):
        place = f"{path}.policies[{index}]"
        yield from one_of(f"{place}.type", policy.get("type", ""), _POLICY_TYPES)
        if policy.get("value", 0) <= 0:
            yield invalid(f"{place}.value", policy.get("value", 0), "must be greater than zero")
        period = policy.get("periodSeconds", 0)
        if not 0 < period <= _LONGEST_PERIOD:
            bound = f"less than or equal to {_LONGEST_PERIOD}" if period > 0 else "greater than zero"
            yield invalid(f"{place}.periodSeconds", period, f"must be {bound}")


def row(autoscaler: Doc, now: str) -> list[Any]:
    """The cells of one autoscaler; what is measured is never known here."""
    spec, status = autoscaler["spec"], autoscaler.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    return [
        *(name(autoscaler), f"{target.get('kind', '')}/{target.get('name', '')}"),
        joined((_metric_text(metric) for metric in spec["metrics"]), "<none>"),
        *(str(spec["minReplicas"]), spec.get("maxReplicas", 0), status.get("currentReplicas", 0), age(autoscaler, now)),
    ]


def _metric_text(metric: Doc) -> str:
    source = metric.get(_SOURCES.get(metric.get("type", ""), "")) or {}
    target = source.get("target") or {}
    wanted = target.get(_TARGETS.get(target.get("type", ""), ""), "<unset>")
    sign = "%" if target.get("type") == "Utilization" else ""
    label = f"{source['name']}: " if source.get("name") else ""
    return f"{label}<unknown>/{wanted}{sign}"


STRATEGY = Strategy(
    default=default,
    prepare_create=prepare_create,
    validate_create=validate,
    validate_update=lambda new, old, context: validate(new, context),
    columns=(
        *(NAME, Column("Reference"), Column("Targets"), Column("MinPods"), Column("MaxPods", "integer")),
        *(Column("Replicas", "integer"), AGE),
    ),
    row=row,
)
