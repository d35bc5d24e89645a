"""A Pod's volumes on its node: fetched, written, and removed with the Pod.

Volumes live in a folder of the node's that all containers of the Pod share and that outlives their restarts. What is
made of ConfigMaps, Secrets, tokens or fields of the Pod is brought up to date whenever a container starts, and when a
token is due for renewal.
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

from fairlead.app.node_tokens import PodTokens
from fairlead.drivers.kube_client import KubeClient, KubeError, Resource, Unreachable
from fairlead.drivers.machine import allocatable
from fairlead.drivers.privileges import give_to_group
from fairlead.nodeagent.environment import Placement, Surroundings
from fairlead.nodeagent.manifest import Container, RunPod, TokenSource
from fairlead.nodeagent.sources import (
    CONFIG_MAP,
    SECRET,
    Content,
    Reference,
    SourceError,
    references,
    token_sources,
)
from fairlead.nodeagent.volumes import File, Mount, volume_files

_RESOURCES = {CONFIG_MAP: Resource("v1", "configmaps"), SECRET: Resource("v1", "secrets")}

GROUP_READS = 0o040
RETRY = 5.0  # seconds between attempts to renew what is due

log = logging.getLogger(__name__)


class PodVolumes:
    """The volumes of one Pod.

    Args:
        folder: of this Pod alone; made when there is something to put there.
        clock: seconds since the epoch.
    """

    def __init__(self, client: KubeClient, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._client, self._folder = client, folder
        self._tokens = PodTokens(client, clock)

    async def sources(self, pod: RunPod) -> dict[Reference | TokenSource, Content]:
        """The ConfigMaps, Secrets and tokens that the Pod refers to, as far as they are there.

        Raises:
            KubeError, Unreachable: they could not be asked for.
        """
        found = await self._tokens.of(pod)
        for reference in sorted(references(pod)):
            path = _RESOURCES[reference.kind].path(pod.namespace, reference.name)
            try:
                document = msgspec.json.decode(await self._client.get(path), type=dict[str, Any])
            except KubeError as error:
                if error.code != 404:
                    raise
            else:
                found[reference] = _content(document)
        return found

    async def keep_fresh(self, pod: RunPod, placement: Placement) -> None:
        """Renew the tokens in the volumes, until cancelled; returns at once when there are none."""
        while token_sources(pod):
            await asyncio.sleep(self._tokens.seconds_left() or RETRY)
            try:
                self.write(Surroundings(pod, placement, (), await self.sources(pod), allocatable()))
            except (KubeError, Unreachable, SourceError) as error:
                log.warning("volumes of %s are not brought up to date yet: %s", pod.key, error)

    def write(self, around: Surroundings) -> dict[str, str]:
        """Make the volumes; their folders by volume name.

        Raises:
            SourceError: something that one is made of is not there.
        """
        folders, fs_group = {}, around.pod.spec.security_context.fs_group
        for volume in around.pod.spec.volumes or ():
            files = volume_files(volume, around)
            if files is None and volume.empty_dir is None:
                continue
            folder = self._folder / volume.name
            if not folder.exists():
                _make(folder, fs_group)
            for path, file in (files or {}).items():
                _write(folder / path, file, fs_group)
            folders[volume.name] = str(folder)
        return folders

    def remove(self) -> None:
        """Remove everything, the contents of empty directories included."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _content(document: dict[str, Any]) -> Content:
    """The values of a ConfigMap or Secret; all of a Secret's are encoded, of a ConfigMap's those in ``binaryData``."""
    encoded = document.get("data" if document["kind"] == "Secret" else "binaryData") or {}
    plain = {} if document["kind"] == "Secret" else document.get("data") or {}
    return {key: value.encode() for key, value in plain.items()} | {
        key: base64.b64decode(value) for key, value in encoded.items()
    }


def make_missing(container: Container, pod: RunPod, mounts: Sequence[Mount]) -> None:
    """Make the folders that a container mounts a part of, but that are not there yet, as upstream's kubelet does."""
    ours = {volume.name for volume in pod.spec.volumes or () if not volume.is_made_of_files}
    partial = (m for m in container.volume_mounts or () if m.sub_path or m.sub_path_expr)
    parts = {posixpath.normpath(m.mount_path) for m in partial if m.name in ours}
    for mount in mounts:
        if mount.target in parts and not Path(mount.source).exists():
            _make(Path(mount.source), pod.spec.security_context.fs_group)


def _make(folder: Path, group: int | None) -> None:
    """A folder that any user may write to, as an emptyDir is; what is made in it belongs to the volumes' group."""
    folder.mkdir(parents=True)
    folder.chmod(0o777 if group is None else 0o2777)
    give_to_group(folder, group)


def _write(path: Path, file: File, group: int | None) -> None:
    """A whole file or none, for a container may be reading it; the volumes' group may read it, whatever its mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(file.content)
    draft.chmod(file.mode if group is None else file.mode | GROUP_READS)
    give_to_group(draft, group)
    draft.rename(path)
