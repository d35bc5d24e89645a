"""ResourceSlices: the devices of a pool. Upstream: registry/resource/resourceslice, apis/resource/validation."""

from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors, dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, duplicate, invalid, required, too_many
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.strategy import Column, Context, Strategy

_MOST_DEVICES = 128
_PLACES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_FIXED = ("nodeName", "driver")


def date_taints(resource_slice: Doc, context: Context) -> None:
    """Taints that do not say when they were added were added now (``SetDefaults_DeviceTaint``)."""
    for device in (resource_slice.get("spec") or {}).get("devices") or ():
        for taint in device.get("taints") or ():
            taint.setdefault("timeAdded", context.now)


def validate(resource_slice: Doc, context: Context) -> list[FieldError]:
    """The faults of a slice."""
    return list(_faults(resource_slice.get("spec") or {}))


def _faults(spec: Doc) -> Iterator[FieldError]:
    pool, devices = spec.get("pool") or {}, spec.get("devices") or []
    for path, value in (("spec.driver", spec.get("driver", "")), ("spec.pool.name", pool.get("name", ""))):
        if not value:
            yield required(path)
        else:
            errors = (why for part in value.split("/") for why in dns1123_subdomain_errors(part))
            yield from (invalid(path, value, why) for why in errors)
    if pool.get("resourceSliceCount", 0) <= 0:
        yield invalid("spec.pool.resourceSliceCount", pool.get("resourceSliceCount", 0), "must be greater than zero")
    if pool.get("generation", 0) < 0:
        yield invalid("spec.pool.generation", pool["generation"], "must be greater than or equal to zero")
    places = [field for field in _PLACES if spec.get(field)]
    if len(places) != 1:
        wanted = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
        yield invalid("spec", "", f"{wanted}, but multiple fields are set") if places else required("spec", wanted)
    if len(devices) > _MOST_DEVICES:
        yield too_many("spec.devices", len(devices), _MOST_DEVICES)
    seen: set[str] = set()
    for index, device in enumerate(devices):
        yield from _device(f"spec.devices[{index}].name", device.get("name", ""), seen)
        seen.add(device.get("name", ""))


def _device(path: str, given: str, seen: set[str]) -> Iterator[FieldError]:
    if not given:
        yield required(path)
    elif given in seen:
        yield duplicate(path, given)
    else:
        yield from (invalid(path, given, why) for why in dns1123_label_errors(given))


def validate_update(resource_slice: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed slice: whose it is stays."""
    new, before = resource_slice.get("spec") or {}, old.get("spec") or {}
    faults = [
        invalid(f"spec.{field}", new.get(field), "field is immutable")
        for field in _FIXED
        if new.get(field) != before.get(field)
    ]
    if (new.get("pool") or {}).get("name") != (before.get("pool") or {}).get("name"):
        faults.append(invalid("spec.pool.name", (new.get("pool") or {}).get("name"), "field is immutable"))
    return validate(resource_slice, context) + faults


def _row(resource_slice: Doc, now: str) -> list[Any]:
    spec = resource_slice["spec"]
    node = spec.get("nodeName") or ("<all>" if spec.get("allNodes") else "<some>" if spec.get("nodeSelector") else "")
    return [name(resource_slice), node, spec["driver"], spec["pool"]["name"], age(resource_slice, now)]


def _field(field: str) -> Any:
    return lambda resource_slice: str((resource_slice.get("spec") or {}).get(field, ""))


STRATEGY = Strategy(
    prepare_create=date_taints,
    prepare_update=lambda new, old, context: date_taints(new, context),
    validate_create=validate,
    validate_update=validate_update,
    bumps_generation=lambda new, old: bool(new.get("spec") != old.get("spec")),
    fields={"spec.nodeName": _field("nodeName"), "spec.driver": _field("driver")},
    columns=(NAME, Column("Node"), Column("Driver"), Column("Pool"), AGE),
    row=_row,
)
