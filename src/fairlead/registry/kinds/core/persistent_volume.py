"""PersistentVolumes. Upstream: pkg/registry/core/persistentvolume, ``ValidatePersistentVolume``,
``printPersistentVolume``.
"""

from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_subdomain_errors
from fairlead.model.storage import VOLUME_PROTECTION
from fairlead.registry.field_errors import FieldError, forbidden, invalid, not_supported, required
from fairlead.registry.kinds.cells import AGE, NAME, UNSET, age, name, wide
from fairlead.registry.kinds.core.pod.defaults import default_source
from fairlead.registry.kinds.core.volume_fields import (
    amount_faults,
    mode_cell,
    modes_faults,
    modes_text,
    volume_mode_faults,
)
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.strategy import Column, Context, Strategy

_DEFAULTS = {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}
_RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
_OLD_ANNOTATIONS = {
    "volume.beta.kubernetes.io/storage-class": 'deprecated since v1.8; use "storageClassName" attribute instead',
    "volume.beta.kubernetes.io/mount-options": 'deprecated since v1.31; use "mountOptions" attribute instead',
}
_RECYCLED = (
    "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach "
    "is to use dynamic provisioning."
)
_SINCE = "lastPhaseTransitionTime"
# All other fields of the spec are volume sources.
_NOT_A_SOURCE = frozenset(
    (
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    )
)


def default(volume: Doc) -> None:
    """Fill in missing fields."""
    volume["spec"] = _DEFAULTS | (volume.get("spec") or {})
    default_source(volume["spec"])


def prepare_create(volume: Doc, context: Context) -> None:
    """A new volume is available to any claim."""
    volume["status"] = {"phase": "Pending", "lastPhaseTransitionTime": context.now}


def prepare_status_update(volume: Doc, old: Doc, context: Context) -> None:
    """Note when the phase changed, unless the client does."""
    status, before = volume.setdefault("status", {}), old.get("status") or {}
    is_noted = status.get(_SINCE) not in (None, before.get(_SINCE))
    if status.get("phase") != before.get("phase") and not is_noted:
        status[_SINCE] = context.now


def admit_create(volume: Doc, context: Context) -> None:
    """A volume stays for as long as a claim is bound to it (admission plug-in ``StorageObjectInUseProtection``)."""
    finalizers = volume["metadata"].get("finalizers") or []
    if VOLUME_PROTECTION not in finalizers:
        volume["metadata"]["finalizers"] = [*finalizers, VOLUME_PROTECTION]


def validate_create(volume: Doc, context: Context) -> list[FieldError]:
    """The faults of a new volume."""
    spec = volume["spec"]
    capacity, sources = spec.get("capacity") or {}, _sources(spec)
    faults = modes_faults("spec.accessModes", spec.get("accessModes") or [])
    if not capacity:
        faults.append(required("spec.capacity"))
    elif list(capacity) != ["storage"]:
        faults.append(not_supported("spec.capacity", capacity, ["storage"]))
    else:
        faults += amount_faults("spec.capacity[storage]", capacity["storage"])
    faults += one_of("spec.persistentVolumeReclaimPolicy", spec["persistentVolumeReclaimPolicy"], _RECLAIM_POLICIES)
    if not sources:
        faults.append(required("spec", "must specify a volume type"))
    faults += [forbidden(f"spec.{key}", "may not specify more than 1 volume type") for key in sorted(sources)[1:]]
    if class_name := spec.get("storageClassName"):
        faults += [invalid("spec.storageClassName", class_name, why) for why in dns1123_subdomain_errors(class_name)]
    return faults + volume_mode_faults(spec)


def validate_update(volume: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed volume: its source must not change."""
    faults = validate_create(volume, context)
    if _sources(volume["spec"]) != _sources(old["spec"]):
        path = "spec.persistentvolumesource"
        faults.append(forbidden(path, f"{path} is immutable after creation"))
    if volume["spec"].get("volumeMode") != old["spec"].get("volumeMode"):
        faults.append(invalid("spec.volumeMode", volume["spec"].get("volumeMode"), "field is immutable"))
    return faults


def _sources(spec: Doc) -> Doc:
    return {key: value for key, value in spec.items() if key not in _NOT_A_SOURCE}


def row(volume: Doc, now: str) -> list[Any]:
    """The cells of one volume."""
    spec, status = volume["spec"], volume.get("status") or {}
    claim = spec.get("claimRef") or {}
    phase = "Terminating" if volume["metadata"].get("deletionTimestamp") else status.get("phase", "")
    return [
        name(volume),
        (spec.get("capacity") or {}).get("storage", UNSET),
        modes_text(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        phase,
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or UNSET,
        status.get("reason", ""),
        age(volume, now),
        mode_cell(spec),
    ]


def warnings(volume: Doc, old: Doc | None) -> list[str]:
    """The warnings about deprecated fields of a volume."""
    present = volume["metadata"].get("annotations") or {}
    found = [f"metadata.annotations[{name}]: {why}" for name, why in _OLD_ANNOTATIONS.items() if name in present]
    return found + ([_RECYCLED] if volume["spec"].get("persistentVolumeReclaimPolicy") == "Recycle" else [])


STRATEGY = Strategy(
    warnings=warnings,
    default=default,
    admit_create=admit_create,
    prepare_create=prepare_create,
    prepare_status_update=prepare_status_update,
    validate_create=validate_create,
    validate_update=validate_update,
    columns=(
        NAME,
        Column("Capacity"),
        Column("Access Modes"),
        Column("Reclaim Policy"),
        Column("Status"),
        Column("Claim"),
        Column("StorageClass"),
        Column("VolumeAttributesClass"),
        Column("Reason"),
        AGE,
        wide("VolumeMode"),
    ),
    row=row,
    returns_deleted=True,
)
