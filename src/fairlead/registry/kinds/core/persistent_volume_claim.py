"""PersistentVolumeClaims. Upstream: pkg/registry/core/persistentvolumeclaim, ``ValidatePersistentVolumeClaimUpdate``,
``printPersistentVolumeClaim``; the default class is the admission plug-in ``DefaultStorageClass``.
"""

from typing import Any

from fairlead.model.decode import decode
from fairlead.model.document import Doc
from fairlead.model.names import dns1123_subdomain_errors
from fairlead.model.quantities import quantity
from fairlead.model.storage import CLAIM_PROTECTION, StorageClass, default_class
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, UNSET, age, name, wide
from fairlead.registry.kinds.core.pod.limits import check_claim
from fairlead.registry.kinds.core.volume_fields import (
    amount_faults,
    mode_cell,
    modes_faults,
    modes_text,
    volume_mode_faults,
)
from fairlead.registry.strategy import ClusterState, Column, Context, Strategy

_CLASSES = "storageclasses.storage.k8s.io"
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_AMOUNT = "spec.resources.requests.storage"
_IMMUTABLE = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
_SOURCES_OF_OLD = (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))
_CHANGEABLE = ("resources", "volumeAttributesClassName")


def default(claim: Doc) -> None:
    """Fill in missing fields."""
    claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    claim.setdefault("status", {}).setdefault("phase", "Pending")


def admit_create(claim: Doc, context: Context) -> None:
    """A new claim is of the default class if it names none, and stays for as long as a Pod uses it (admission plug-ins
    ``LimitRanger``, ``DefaultStorageClass``, ``StorageObjectInUseProtection``)."""
    check_claim(claim, context)
    finalizers = claim["metadata"].get("finalizers") or []
    if CLAIM_PROTECTION not in finalizers:
        claim["metadata"]["finalizers"] = [*finalizers, CLAIM_PROTECTION]
    if claim["spec"].get("storageClassName") is None and (found := _default_class(context.state)):
        claim["spec"]["storageClassName"] = found


def prepare_create(claim: Doc, context: Context) -> None:
    """A new claim has no volume, and its source is in both fields that there are for it."""
    claim["status"] = {"phase": "Pending"}
    _align_sources(claim["spec"])


def _align_sources(spec: Doc) -> None:
    """The older field can name claims and snapshots only; anything else in it is dropped.

    Upstream: ``EnforceDataSourceBackwardsCompatibility`` and ``NormalizeDataSources`` in
    pkg/api/persistentvolumeclaim/util.go.
    """
    old, new = spec.get("dataSource"), spec.get("dataSourceRef")
    if old is not None and (old.get("apiGroup", ""), old.get("kind")) not in _SOURCES_OF_OLD:
        del spec["dataSource"]
        old = None
    if old is not None and new is None:
        spec["dataSourceRef"] = dict(old)
    elif old is None and new is not None and not new.get("namespace"):
        spec["dataSource"] = {field: value for field, value in new.items() if field != "namespace"}


def _default_class(state: ClusterState) -> str:
    return default_class(decode(StorageClass, stored.document) for stored in state.of(_CLASSES).values())


def validate_create(claim: Doc, context: Context) -> list[FieldError]:
    """The faults of a new claim."""
    spec = claim["spec"]
    faults = modes_faults("spec.accessModes", spec.get("accessModes") or [])
    amount = _requested(spec)
    faults += [required("spec.resources[storage]")] if amount is None else amount_faults(_AMOUNT, amount)
    if class_name := spec.get("storageClassName"):
        faults += [invalid("spec.storageClassName", class_name, why) for why in dns1123_subdomain_errors(class_name)]
    return faults + volume_mode_faults(spec)


def _requested(spec: Doc) -> Any:
    return ((spec.get("resources") or {}).get("requests") or {}).get("storage")


def validate_update(claim: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed claim: it may be bound to a volume, given a class that it lacked, and grow."""
    faults = validate_create(claim, context)
    new_spec, old_spec = claim["spec"], old["spec"]
    may_change = [*_CHANGEABLE] if old_spec.get("volumeName") else []
    may_change += [field for field in ("volumeName",) if not old_spec.get(field)]
    may_change += [field for field in ("storageClassName",) if old_spec.get(field) is None]
    if _without(new_spec, may_change) != _without(old_spec, may_change):
        return [*faults, forbidden("spec", _IMMUTABLE)]
    before, after = quantity(str(_requested(old_spec))), quantity(str(_requested(new_spec)))
    if before is not None and after is not None and after < before:
        faults.append(forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"))
    return faults


def _without(spec: Doc, fields: list[str]) -> Doc:
    return {field: value for field, value in spec.items() if field not in fields}


def row(claim: Doc, now: str) -> list[Any]:
    """The cells of one claim; those of its volume once it is bound."""
    spec, status = claim["spec"], claim.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        name(claim),
        "Terminating" if claim["metadata"].get("deletionTimestamp") else status.get("phase", ""),
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "") if bound else "",
        modes_text(status.get("accessModes")) if bound else "",
        spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or UNSET,
        age(claim, now),
        mode_cell(spec),
    ]


def warnings(claim: Doc, old: Doc | None) -> list[str]:
    """The warnings about a claim's class in the way of old, and about parts of bytes."""
    found = []
    if _CLASS_ANNOTATION in (claim["metadata"].get("annotations") or {}):
        why = 'deprecated since v1.8; use "storageClassName" attribute instead'
        found.append(f"metadata.annotations[{_CLASS_ANNOTATION}]: {why}")
    amount = quantity(str(_requested(claim["spec"])))
    if amount is not None and amount.denominator != 1:
        text = _requested(claim["spec"])
        found.append(f'spec.resources.requests[storage]: fractional byte value "{text}" is invalid, must be an integer')
    return found


STRATEGY = Strategy(
    warnings=warnings,
    default=default,
    admit_create=admit_create,
    prepare_create=prepare_create,
    validate_create=validate_create,
    validate_update=validate_update,
    columns=(
        NAME,
        Column("Status"),
        Column("Volume"),
        Column("Capacity"),
        Column("Access Modes"),
        Column("StorageClass"),
        Column("VolumeAttributesClass"),
        AGE,
        wide("VolumeMode"),
    ),
    row=row,
    returns_deleted=True,
)
