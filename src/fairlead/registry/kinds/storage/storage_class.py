"""StorageClasses. Upstream: pkg/registry/storage/storageclass, pkg/apis/storage/validation."""

from typing import Any

from fairlead.model.document import Doc
from fairlead.model.storage import IS_DEFAULT
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, UNSET, age, name
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.object_meta import qualified_name_errors
from fairlead.registry.strategy import Column, Context, Strategy

_DEFAULTS = {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}
_RECLAIM_POLICIES = ("Delete", "Retain")
_BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
_FIXED = ("parameters", "provisioner", "reclaimPolicy")


def default(storage_class: Doc) -> None:
    """Fill in missing fields."""
    for field, value in _DEFAULTS.items():
        storage_class.setdefault(field, value)


def validate_create(storage_class: Doc, context: Context) -> list[FieldError]:
    """The faults of a new StorageClass."""
    provisioner = storage_class.get("provisioner", "")
    faults = [] if provisioner else [required("provisioner")]
    if provisioner:
        faults += [invalid("provisioner", provisioner, why) for why in qualified_name_errors(provisioner.lower())]
    faults += one_of("reclaimPolicy", storage_class["reclaimPolicy"], _RECLAIM_POLICIES)
    return faults + one_of("volumeBindingMode", storage_class["volumeBindingMode"], _BINDING_MODES)


def validate_update(storage_class: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed StorageClass: the parameters of its volumes must not change."""
    faults = validate_create(storage_class, context)
    changed = (field for field in _FIXED if storage_class.get(field) != old.get(field))
    faults += [forbidden(field, f"updates to {field} are forbidden.") for field in changed]
    mode = storage_class["volumeBindingMode"]
    if mode != old.get("volumeBindingMode"):
        faults.append(invalid("volumeBindingMode", mode, "field is immutable"))
    return faults


def row(storage_class: Doc, now: str) -> list[Any]:
    """The cells of one StorageClass."""
    is_default = (storage_class["metadata"].get("annotations") or {}).get(IS_DEFAULT) == "true"
    return [
        f"{name(storage_class)} (default)" if is_default else name(storage_class),
        storage_class["provisioner"],
        storage_class.get("reclaimPolicy", UNSET),
        storage_class.get("volumeBindingMode", UNSET),
        bool(storage_class.get("allowVolumeExpansion")),
        age(storage_class, now),
    ]


STRATEGY = Strategy(
    default=default,
    validate_create=validate_create,
    validate_update=validate_update,
    columns=(
        NAME,
        Column("Provisioner"),
        Column("ReclaimPolicy"),
        Column("VolumeBindingMode"),
        Column("AllowVolumeExpansion"),
        AGE,
    ),
    row=row,
)
