"""The next step for a claim and for a volume.

A claim gets the smallest volume that is free and fits; where there is none, its class's provisioner makes one, which is
this module for one provisioner, other programs for all others. A claim stays while a Pod uses it, a volume while a
claim is bound to it; what then happens to the volume is its reclaim policy. A class that waits for the first consumer
waits for a Pod that names the claim, wherever that Pod may run: a lab's nodes share the disk.
Upstream: ``pkg/controller/volume/persistentvolume`` (pv_controller.go, index.go) and
``pkg/controller/volume/pvcprotection``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from fairlead.model.document import Doc
from fairlead.model.events import EventText
from fairlead.model.labels import matches, requirements
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod
from fairlead.model.quantities import quantity
from fairlead.model.storage import (
    CLAIM_PROTECTION,
    PROVISIONER,
    VOLUME_PROTECTION,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    default_class,
)

PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_NO_CLASS = "no persistent volumes available for this claim and no storage class is set"
_EXTERNAL = (
    "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system "
    "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
    "registered."
)


@dataclass(frozen=True)
class Bind:
    """Bind the claim to the volume; or say once more that they are bound."""

    volume: PersistentVolume


@dataclass(frozen=True)
class Provision:
    """Make this volume."""

    document: Doc


@dataclass(frozen=True)
class SetClass:
    """Set the claim's class to the current default."""

    name: str


@dataclass(frozen=True)
class RemoveProtection:
    """Remove the protection finalizer: no Pod or claim uses the object."""


@dataclass(frozen=True)
class SetPhase:
    """Set the phase in the status."""

    phase: str


@dataclass(frozen=True)
class DeleteVolume:
    """Delete the volume, once it is certain that its claim has gone."""


ClaimStep = Bind | Provision | SetClass | RemoveProtection | SetPhase | EventText | None
VolumeStep = SetPhase | DeleteVolume | RemoveProtection | None


def claims_of(pod: Pod) -> set[ObjectKey]:
    """The claims that a Pod uses."""
    named = (volume.persistent_volume_claim for volume in pod.spec.volumes or ())
    return {ObjectKey(pod.namespace, claim.claim_name) for claim in named if claim}


def plan_claim(
    claim: PersistentVolumeClaim,
    classes: Mapping[str, StorageClass],
    volumes: Mapping[str, PersistentVolume],
    users: Sequence[Pod],
) -> ClaimStep:
    """The next step for a claim; None when there is none.

    Args:
        users: the Pods that name it and have not finished. Those without a Node do not keep one that is being deleted,
            for the scheduler gives them none.
    """
    if claim.is_terminating:
        is_free = not any(pod.spec.node_name for pod in users)
        return RemoveProtection() if is_free and CLAIM_PROTECTION in (claim.metadata.finalizers or ()) else None
    if claim.spec.volume_name:
        return _claim_with_volume(claim, volumes.get(claim.spec.volume_name))
    candidates = [volume for volume in volumes.values() if _fits(claim, volume)]
    if candidates:
        return Bind(min(candidates, key=lambda volume: _preference(claim, volume)))
    return _unbound(claim, classes, bool(users))


def _claim_with_volume(claim: PersistentVolumeClaim, volume: PersistentVolume | None) -> ClaimStep:
    """How a claim is handled that says which volume it has."""
    if volume is None:
        return SetPhase("Lost") if claim.is_bound else None
    reference = volume.spec.claim_ref
    theirs = reference is None or _is_reference(claim, volume)
    if not theirs:
        return SetPhase("Lost") if claim.is_bound else None
    settled = claim.is_bound and reference is not None and reference.uid
    return None if settled else Bind(volume)


def _is_reference(claim: PersistentVolumeClaim, volume: PersistentVolume) -> bool:
    """Whether the volume is for this claim."""
    reference = volume.spec.claim_ref
    if reference is None or (reference.namespace, reference.name) != (claim.namespace, claim.name):
        return False
    return reference.uid in ("", claim.metadata.uid)


def _fits(claim: PersistentVolumeClaim, volume: PersistentVolume) -> bool:
    if volume.is_terminating or volume.spec.volume_mode != claim.spec.volume_mode:
        return False
    if volume.spec.claim_ref is not None:
        return _is_reference(claim, volume)
    selector = requirements(claim.spec.selector) if claim.spec.selector else ()
    return (
        volume.spec.storage_class_name == (claim.spec.storage_class_name or "")
        and set(claim.spec.access_modes) <= set(volume.spec.access_modes)
        and _storage(volume.spec.capacity) >= _storage(claim.spec.resources.requests)
        and matches(selector or (), volume.labels)
    )


def _preference(claim: PersistentVolumeClaim, volume: PersistentVolume) -> tuple[bool, Fraction, str]:
    """The one that is meant for the claim, else the smallest, else the first by name."""
    return not _is_reference(claim, volume), _storage(volume.spec.capacity), volume.name


def _storage(amounts: Mapping[str, str]) -> Fraction:
    return quantity(amounts.get("storage", "0")) or Fraction(0)


def _unbound(claim: PersistentVolumeClaim, classes: Mapping[str, StorageClass], is_used: bool) -> ClaimStep:
    """How a claim is handled that no volume fits."""
    name = claim.spec.storage_class_name
    if name is None and (found := default_class(classes.values())):
        return SetClass(found)
    if not name:
        return EventText("FailedBinding", _NO_CLASS)
    if name not in classes:
        return EventText("ProvisioningFailed", f'storageclass.storage.k8s.io "{name}" not found', "Warning")
    return _made_by_class(claim, classes[name], is_used)


def _made_by_class(claim: PersistentVolumeClaim, storage_class: StorageClass, is_used: bool) -> ClaimStep:
    if storage_class.volume_binding_mode == "WaitForFirstConsumer" and not is_used:
        return EventText("WaitForFirstConsumer", "waiting for first consumer to be created before binding")
    if storage_class.provisioner != PROVISIONER:
        return EventText("ExternalProvisioning", _EXTERNAL.format(storage_class.provisioner))
    if claim.spec.volume_mode != "Filesystem":
        message = f'failed to provision volume with StorageClass "{storage_class.name}": only folders can be made'
        return EventText("ProvisioningFailed", message, "Warning")
    return Provision(_volume(claim, storage_class))


def _volume(claim: PersistentVolumeClaim, storage_class: StorageClass) -> Doc:
    """A volume for this claim alone: a folder of its own name, wherever the node keeps such folders."""
    name = f"pvc-{claim.metadata.uid}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "capacity": {"storage": claim.spec.resources.requests["storage"]},
            "accessModes": list(claim.spec.access_modes),
            "claimRef": claim_reference(claim),
            "persistentVolumeReclaimPolicy": storage_class.reclaim_policy,
            "storageClassName": storage_class.name,
            "volumeMode": claim.spec.volume_mode,
            "csi": {"driver": PROVISIONER, "volumeHandle": name},
        },
    }


def claim_reference(claim: PersistentVolumeClaim) -> Doc:
    """The reference from a volume to its claim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": claim.namespace,
        "name": claim.name,
        "uid": claim.metadata.uid,
    }


def plan_volume(volume: PersistentVolume, claim: PersistentVolumeClaim | None) -> VolumeStep:
    """The next step for a volume; None when there is none.

    Args:
        claim: what has the name that the volume says it is for.
    """
    reference = volume.spec.claim_ref
    is_kept = claim is not None and _is_reference(claim, volume) and claim.spec.volume_name == volume.name
    if volume.is_terminating and not is_kept:
        return RemoveProtection() if VOLUME_PROTECTION in (volume.metadata.finalizers or ()) else None
    if is_kept:
        return _phase(volume, "Bound")
    if reference is None or not reference.uid:
        return _phase(volume, "Available")
    if claim is not None and claim.metadata.uid == reference.uid:
        return None  # it will be bound in a moment
    if volume.status.phase != "Released":
        return SetPhase("Released")
    ours = volume.handle and volume.spec.persistent_volume_reclaim_policy == "Delete"
    return DeleteVolume() if ours else None


def _phase(volume: PersistentVolume, phase: str) -> SetPhase | None:
    return SetPhase(phase) if volume.status.phase != phase else None


def unready_claim(pod: Pod, claims: Mapping[ObjectKey, PersistentVolumeClaim]) -> str | None:
    """Why a Pod cannot be on any Node yet, for want of a volume. Upstream: the scheduler's plug-in volumebinding."""
    for key in sorted(claims_of(pod)):
        claim = claims.get(key)
        if claim is None:
            return f'persistentvolumeclaim "{key.name}" not found'
        if claim.is_terminating:
            return f'persistentvolumeclaim "{key.name}" is being deleted'
        if claim.status.phase == "Lost":
            return (
                f'persistentvolumeclaim "{key.name}" bound to non-existent persistentvolume "{claim.spec.volume_name}"'
            )
        if not claim.is_bound:
            return "pod has unbound immediate PersistentVolumeClaims"
    return None
