"""Slim, frozen objects of storage: volumes, claims on them, and the classes that claims are made of.

Only what the binder, the scheduler and the node agents read. Field meanings: Kubernetes API reference, v1 and
storage.k8s.io/v1.
"""

from collections.abc import Iterable, Mapping

from fairlead.model.objects import KubeObject, LabelSelector, Slim

PROVISIONER = "fairlead.dev/local"
IS_DEFAULT = "storageclass.kubernetes.io/is-default-class"
CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"


class StorageClass(KubeObject, frozen=True):
    """A class of volumes: provisioner, reclaim policy and binding mode."""

    provisioner: str = ""
    reclaim_policy: str = "Delete"
    volume_binding_mode: str = "Immediate"

    @property
    def is_default(self) -> bool:
        return self.annotations.get(IS_DEFAULT) == "true"


def default_class(classes: Iterable[StorageClass]) -> str:
    """The name of the class of claims that name none: the newest of those that say so; empty when none does.

    Upstream: ``GetDefaultClass`` in pkg/volume/util/storageclass.go.
    """
    found = sorted((each for each in classes if each.is_default), key=lambda each: each.name)
    newest = max((each.metadata.creation_timestamp or "" for each in found), default="")
    return next((each.name for each in found if (each.metadata.creation_timestamp or "") == newest), "")


class ClaimReference(Slim, frozen=True):
    """The claim that a volume is for; without a uid, the next one of that name."""

    namespace: str = ""
    name: str = ""
    uid: str = ""


class HostPathSource(Slim, frozen=True):
    """A folder of the machine."""

    path: str


class DriverSource(Slim, frozen=True):
    """The driver's identification of a volume."""

    driver: str
    volume_handle: str = ""


class PersistentVolumeSpec(Slim, frozen=True):
    """Wanted state of a volume."""

    capacity: Mapping[str, str] = {}
    access_modes: tuple[str, ...] = ()
    claim_ref: ClaimReference | None = None
    storage_class_name: str = ""
    persistent_volume_reclaim_policy: str = "Retain"
    volume_mode: str = "Filesystem"
    host_path: HostPathSource | None = None
    local: HostPathSource | None = None
    csi: DriverSource | None = None


class PersistentVolumeStatus(Slim, frozen=True):
    """Observed state of a volume."""

    phase: str = ""


class PersistentVolume(KubeObject, frozen=True):
    """A place for data that outlives Pods."""

    spec: PersistentVolumeSpec = PersistentVolumeSpec()
    status: PersistentVolumeStatus = PersistentVolumeStatus()

    @property
    def handle(self) -> str:
        """The folder's name, for a volume that the lab has made; else empty."""
        source = self.spec.csi
        return source.volume_handle if source and source.driver == PROVISIONER else ""


class VolumeResources(Slim, frozen=True):
    """How much is wanted."""

    requests: Mapping[str, str] = {}


class ClaimSpec(Slim, frozen=True):
    """Wanted state of a claim. No class at all is another thing than the class of no name."""

    access_modes: tuple[str, ...] = ()
    resources: VolumeResources = VolumeResources()
    storage_class_name: str | None = None
    volume_name: str = ""
    volume_mode: str = "Filesystem"
    selector: LabelSelector | None = None


class ClaimStatus(Slim, frozen=True):
    """Observed state of a claim."""

    phase: str = "Pending"


class PersistentVolumeClaim(KubeObject, frozen=True):
    """A wish for a volume."""

    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()

    @property
    def is_bound(self) -> bool:
        return self.status.phase == "Bound"
