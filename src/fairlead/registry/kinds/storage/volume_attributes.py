"""VolumeAttributesClasses. Upstream: pkg/registry/storage/volumeattributesclass, pkg/apis/storage/validation."""

from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required, too_long
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.strategy import Column, Context, Strategy

_LONGEST_DRIVER, _MOST_PARAMETERS = 63, 512
_FIXED = ("driverName", "parameters")


def validate(attributes: Doc, context: Context) -> list[FieldError]:
    """The faults of a class."""
    driver, parameters = attributes.get("driverName", ""), attributes.get("parameters") or {}
    faults = [] if driver else [required("driverName")]
    if len(driver) > _LONGEST_DRIVER:
        faults.append(too_long("driverName", _LONGEST_DRIVER))
    if driver:
        faults += [invalid("driverName", driver, why) for why in dns1123_subdomain_errors(driver.lower())]
    if not parameters:
        faults.append(required("parameters", "must contain at least one key/value pair"))
    if len(parameters) > _MOST_PARAMETERS:
        faults.append(too_long("parameters", _MOST_PARAMETERS))
    return faults


def validate_update(attributes: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed class: volumes have taken over what it says."""
    changed = [field for field in _FIXED if attributes.get(field) != old.get(field)]
    return validate(attributes, context) + [forbidden(field, f"updates to {field} are forbidden.") for field in changed]


def _row(attributes: Doc, now: str) -> list[Any]:
    return [name(attributes), attributes["driverName"], age(attributes, now)]


STRATEGY = Strategy(
    validate_create=validate,
    validate_update=validate_update,
    columns=(NAME, Column("DriverName"), AGE),
    row=_row,
)
