"""Volumes that were created for claims: their folders on this machine, which all its nodes share.

A folder is created when the first Pod mounts it. Each node watches PersistentVolumes, and removes the folder when its
volume is deleted and not retained. If a volume is deleted while no node of the machine runs, its folder stays.
"""

import shutil
from pathlib import Path

from fairlead.drivers.kube.client import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, KubeClient, KubeError
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.pods.volume_files import make_folder
from fairlead.model.decode import decode
from fairlead.model.storage import PersistentVolume, PersistentVolumeClaim
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.volumes import VolumeError, folder_made_for, place_of, volume_of_claim


async def claimed_folder(client: KubeClient, pod: RunPod, claim_name: str, claimed: Path) -> str:
    """The folder of the volume that a Pod's claim is bound to, as ready for the Pod as an emptyDir is.

    Raises:
        VolumeError: the claim is not bound, or to what this node cannot mount.
        KubeError, Unreachable: the API could not be asked.
    """
    try:
        document = await client.get(PERSISTENT_VOLUME_CLAIMS.path(pod.namespace, claim_name))
        claim = decode(PersistentVolumeClaim, document)
        document = await client.get(PERSISTENT_VOLUMES.path(name=volume_of_claim(claim)))
        volume = decode(PersistentVolume, document)
    except KubeError as error:
        if error.code != 404:
            raise
        raise VolumeError(f"error processing PVC {pod.namespace}/{claim_name}: {error}") from error
    folder = place_of(volume, str(claimed))
    if volume.handle:
        _prepare(Path(folder), pod.spec.security_context.fs_group)
    return folder


def _prepare(folder: Path, group: int | None) -> None:
    """Make the folder; one that is there is only ever given to a group."""
    if group is not None or not folder.exists():
        make_folder(folder, group)


def follow_volumes(client: KubeClient, claimed: Path) -> Informer[PersistentVolume]:
    """Removes the folders of volumes that go, while it runs."""

    def heard(old: PersistentVolume | None, new: PersistentVolume | None) -> None:
        gone = old is not None and (new is None or new.metadata.uid != old.metadata.uid)
        folder = folder_made_for(old, str(claimed)) if old and gone else None
        if folder and old and old.spec.persistent_volume_reclaim_policy == "Delete":
            shutil.rmtree(folder, ignore_errors=True)

    return Informer(client, PERSISTENT_VOLUMES, PersistentVolume, heard)
