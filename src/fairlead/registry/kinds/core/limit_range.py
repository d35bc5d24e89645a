"""LimitRanges. Their effect on a new Pod is in ``registry.kinds.core.pod.limits``.

Upstream: pkg/registry/core/limitrange, ``SetDefaults_LimitRangeItem``, ``ValidateLimitRange``.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.model.quantities import quantity
from fairlead.registry.field_errors import FieldError, duplicate, forbidden, invalid
from fairlead.registry.kinds.cells import NAME, name
from fairlead.registry.strategy import Column, Context, Strategy

CREATED_AT = Column("Created At", format="date-time")
# Each pair must be in this order, for the same resource.
_ORDER = (
    ("min", "max"),
    ("min", "defaultRequest"),
    ("min", "default"),
    ("defaultRequest", "max"),
    ("defaultRequest", "default"),
    ("default", "max"),
)


def default(limit_range: Doc) -> None:
    """Fill in missing fields: the maximum is the default limit, and that, or the minimum, the default request."""
    for item in (limit_range.setdefault("spec", {})).get("limits") or ():
        if item.get("type") != "Container":
            continue
        limits = {**(item.get("max") or {}), **(item.get("default") or {})}
        requests = {**(item.get("min") or {}), **limits, **(item.get("defaultRequest") or {})}
        item |= {field: value for field, value in (("default", limits), ("defaultRequest", requests)) if value}


def validate(limit_range: Doc, context: Context) -> list[FieldError]:
    """The faults of a LimitRange."""
    faults: list[FieldError] = []
    seen: set[str] = set()
    for index, item in enumerate(limit_range["spec"].get("limits") or ()):
        path, type_ = f"spec.limits[{index}]", item.get("type", "")
        if type_ in seen:
            faults.append(duplicate(f"{path}.type", type_))
        seen.add(type_)
        faults += _item(path, item)
    return faults


def _item(path: str, item: Doc) -> Iterator[FieldError]:
    if item.get("type") == "Pod":
        for field in ("default", "defaultRequest"):
            if item.get(field):
                yield forbidden(f"{path}.{field}", "may not be specified when `type` is 'Pod'")
    for low, high in _ORDER:
        for resource, text in (item.get(low) or {}).items():
            above = (item.get(high) or {}).get(resource)
            if above is not None and _amount(text) > _amount(above):
                detail = f"{_WORDS[low]} value {text} is greater than {_WORDS[high]} value {above}"
                yield invalid(f"{path}.{low}[{resource}]", text, detail)
    for resource, ratio in (item.get("maxLimitRequestRatio") or {}).items():
        if _amount(ratio) < 1:
            yield invalid(f"{path}.maxLimitRequestRatio[{resource}]", ratio, f"ratio {ratio} is less than 1")


_WORDS = {"min": "min", "max": "max", "default": "default", "defaultRequest": "default request"}


def _amount(text: Any) -> Any:
    return quantity(str(text)) or 0


def row(limit_range: Doc, now: str) -> list[Any]:
    """The cells of one LimitRange."""
    return [name(limit_range), limit_range["metadata"].get("creationTimestamp", "")]


STRATEGY = Strategy(
    default=default,
    validate_create=validate,
    validate_update=lambda new, old, context: validate(new, context),
    columns=(NAME, CREATED_AT),
    row=row,
)
