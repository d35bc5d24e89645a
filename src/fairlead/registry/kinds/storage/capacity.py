"""CSIStorageCapacities. Upstream: pkg/registry/storage/csistoragecapacity, pkg/apis/storage/validation."""

from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_subdomain_errors
from fairlead.model.quantities import quantity
from fairlead.registry.field_errors import FieldError, invalid, required
from fairlead.registry.kinds.cells import NAME, name
from fairlead.registry.strategy import Column, Context, Strategy

_AMOUNTS = ("capacity", "maximumVolumeSize")
_FIXED = ("nodeTopology", "storageClassName")


def validate(capacity: Doc, context: Context) -> list[FieldError]:
    """The faults of a capacity."""
    given = capacity.get("storageClassName", "")
    faults = [invalid("storageClassName", given, why) for why in dns1123_subdomain_errors(given)] if given else []
    faults += [] if given else [required("storageClassName")]
    for field in _AMOUNTS:
        if (quantity(capacity.get(field) or "0") or 0) < 0:
            faults.append(invalid(field, capacity[field], "must be greater than or equal to 0"))
    return faults


def validate_update(capacity: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed capacity: what it is the capacity of stays."""
    changed = [field for field in _FIXED if capacity.get(field) != old.get(field)]
    faults = [invalid(field, capacity.get(field), "field is immutable") for field in changed]
    return validate(capacity, context) + faults


def _row(capacity: Doc, now: str) -> list[Any]:
    return [name(capacity), capacity["storageClassName"], str(capacity.get("capacity", ""))]


STRATEGY = Strategy(
    validate_create=validate,
    validate_update=validate_update,
    columns=(NAME, Column("StorageClassName"), Column("Capacity")),
    row=_row,
)
