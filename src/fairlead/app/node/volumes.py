"""A Pod's volumes on its node: fetched, written, and removed with the Pod.

Volumes are in a folder of the node that all containers of the Pod share and that stays when they restart. Files from
ConfigMaps, Secrets, tokens or fields of the Pod are updated whenever a container starts, when one of these changes, and
when a token is due for renewal (``drivers.pods.volume_files``). Volumes of claims stay when the Pod is deleted
(``claims``).
"""

import asyncio
import base64
import logging
import posixpath
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fairlead.app.node.claims import claimed_folder
from fairlead.app.node.sources import RESOURCES
from fairlead.app.node.tokens import PodTokens
from fairlead.drivers.kube.client import KubeClient, KubeError, Unreachable
from fairlead.drivers.pods.allocatable import allocatable
from fairlead.drivers.pods.host_paths import HostPathError, prepare_host_path
from fairlead.drivers.pods.volume_files import make_folder, make_part, replace_files
from fairlead.drivers.time_of_day import LOOK_EVERY
from fairlead.nodeagent.environment import ContainerContext, PodPlacement
from fairlead.nodeagent.manifest import Container, RunPod, TokenSource
from fairlead.nodeagent.sources import (
    Content,
    PodReference,
    SourceError,
    references,
    token_sources,
)
from fairlead.nodeagent.volumes import Mount, VolumeError, volume_files

RETRY = 5.0  # seconds between attempts to renew what is due

log = logging.getLogger(__name__)


class PodVolumes:
    """The volumes of one Pod.

    Args:
        folder: the folder of this Pod only; created when it is first needed.
        claimed: the folder with the volumes of claims.
        clock: seconds since the epoch.
    """

    def __init__(self, client: KubeClient, folder: Path, claimed: Path, clock: Callable[[], float] = time.time) -> None:
        self._client, self.folder, self._claimed = client, folder, claimed
        self._tokens = PodTokens(client, clock)
        self._stale = asyncio.Event()

    async def sources(self, pod: RunPod) -> dict[PodReference | TokenSource, Content]:
        """The ConfigMaps, Secrets and tokens that the Pod refers to, as far as they are there.

        Raises:
            KubeError, Unreachable: they could not be asked for.
        """
        found = await self._tokens.of(pod)
        for reference in sorted(references(pod)):
            path = RESOURCES[reference.kind].path(pod.namespace, reference.name)
            try:
                document = msgspec.json.decode(await self._client.get(path), type=dict[str, Any])
            except KubeError as error:
                if error.code != 404:
                    raise
            else:
                found[reference] = _content(document)
        return found

    async def of_claims(self, pod: RunPod) -> dict[str, str]:
        """The folders of the volumes that the Pod's claims are bound to, by volume name; made where they are ours.

        Raises:
            VolumeError: a claim is not bound, or to what this node cannot mount.
            KubeError, Unreachable: the API could not be asked.
        """
        folders = {}
        for volume in pod.spec.volumes or ():
            if volume.persistent_volume_claim:
                name = volume.persistent_volume_claim.claim_name
                folders[volume.name] = await claimed_folder(self._client, pod, name, self._claimed)
        return folders

    def changed(self) -> None:
        """Schedule an update of the volumes after a change of their sources."""
        self._stale.set()

    async def keep_fresh(self, newest: Callable[[], RunPod], placement: PodPlacement) -> None:
        """Bring the volumes up to date whenever that is due, until cancelled; returns at once when none ever is.

        Args:
            newest: the Pod as it is now.
        """
        pod = newest()
        failed = False
        while any(volume.is_made_of_files for volume in pod.spec.volumes or ()):
            await self._until_due(pod, failed)
            pod = newest()
            try:
                self.write(ContainerContext(pod, placement, {}, await self.sources(pod), allocatable()))
            except SourceError as error:  # what has gone stays in the volume until it is there again
                failed = False
                log.warning("volumes of %s are not brought up to date: %s", pod.key, error)
            except (KubeError, Unreachable) as error:
                failed = True
                log.warning("volumes of %s are not brought up to date yet: %s", pod.key, error)
            else:
                failed = False

    def _seconds_left(self, pod: RunPod) -> float | None:
        """Seconds until a token is due for renewal; None without tokens."""
        return (self._tokens.seconds_left() or RETRY) if token_sources(pod) else None

    async def _until_due(self, pod: RunPod, failed: bool) -> None:
        """Wait until something has changed, or a token is due for renewal.

        The clock is looked at while waiting: it can be set, and timers stand still while a machine sleeps.
        """
        left = RETRY if failed else self._seconds_left(pod)
        while not await self._stale_within(None if left is None else min(left, LOOK_EVERY)):
            if failed or left is None or left <= LOOK_EVERY:
                break
            left = self._seconds_left(pod)
        self._stale.clear()

    async def _stale_within(self, seconds: float | None) -> bool:
        """Whether something changes within so many seconds; None: however long that takes."""
        waiting: set[asyncio.Future[object]] = {asyncio.ensure_future(self._stale.wait())}
        if seconds is not None:
            waiting.add(asyncio.ensure_future(asyncio.sleep(seconds)))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        return self._stale.is_set()

    def write(self, around: ContainerContext) -> dict[str, str]:
        """Make the volumes; their folders by volume name.

        Raises:
            SourceError: something that one is made of is not there.
        """
        folders, fs_group = {}, around.pod.spec.security_context.fs_group
        for volume in around.pod.spec.volumes or ():
            files = volume_files(volume, around)
            if files is None and volume.empty_dir is None:
                continue
            folder = self.folder / volume.name
            if not folder.exists():
                make_folder(folder, fs_group)
            if files is not None:
                replace_files(folder, files, fs_group)
            folders[volume.name] = str(folder)
        return folders

    def remove(self) -> None:
        """Remove everything, the contents of empty directories included."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _content(document: dict[str, Any]) -> Content:
    """The values of a ConfigMap or Secret; all of a Secret's are encoded, of a ConfigMap's those in ``binaryData``."""
    encoded = document.get("data" if document["kind"] == "Secret" else "binaryData") or {}
    plain = {} if document["kind"] == "Secret" else document.get("data") or {}
    return {key: value.encode() for key, value in plain.items()} | {
        key: base64.b64decode(value) for key, value in encoded.items()
    }


def prepare_host_paths(pod: RunPod) -> None:
    """Check what a Pod's hostPath volumes say of their paths, and make what they want made.

    Raises:
        VolumeError: a path is not what it must be.
    """
    for volume in pod.spec.volumes or ():
        if volume.host_path:
            try:
                prepare_host_path(Path(volume.host_path.path), volume.host_path.type)
            except HostPathError as error:
                raise VolumeError(f'MountVolume.SetUp failed for volume "{volume.name}" : {error}') from error


def make_missing(container: Container, pod: RunPod, mounts: Sequence[Mount]) -> None:
    """Make the folders that a container mounts a part of, but that are not there yet, as upstream's kubelet does.

    Raises:
        VolumeError: the part is not within its volume, as its links are now.
    """
    ours = {volume.name for volume in pod.spec.volumes or () if not volume.is_made_of_files}
    parts = {posixpath.normpath(m.mount_path) for m in container.volume_mounts or () if m.name in ours}
    for mount in mounts:
        if mount.part and mount.target in parts:
            try:
                make_part(Path(mount.source), mount.part, pod.spec.security_context.fs_group)
            except OSError as error:
                raise VolumeError(f"failed to prepare subPath {mount.part!r}: {error.strerror}") from error
