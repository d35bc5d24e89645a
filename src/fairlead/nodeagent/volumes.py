"""What is in a Pod's volumes, and where its containers see them."""

import posixpath
from collections.abc import Mapping
from typing import NamedTuple

from fairlead.nodeagent.environment import Placement, pod_field
from fairlead.nodeagent.manifest import Container, DownwardSource, FileSource, Projection, RunPod, TokenSource, Volume
from fairlead.nodeagent.sources import Content, Reference, SourceError, Sources, content, file_sources

RENEWED_AT = 0.8  # of a token's life, as upstream's kubelet
LONGEST_USE = 24 * 3600.0  # seconds


class VolumeError(Exception):
    """A volume cannot be mounted; upstream's node does not get beyond ``ContainerCreating`` then."""

    reason = "ContainerCreating"


class Mount(NamedTuple):
    """A file or folder of the machine, and where a container sees it."""

    source: str
    target: str
    read_only: bool = False


def volume_files(volume: Volume, pod: RunPod, placement: Placement, sources: Sources) -> Content | None:
    """Contents of a volume's files by relative path; None for a volume that is not made of files.

    Raises:
        SourceError: something that it is made of is not there.
    """
    parts = volume.projected.sources if volume.projected else (volume,)
    if not volume.projected and not (volume.config_map or volume.secret or volume.downward_api):
        return None
    files: dict[str, bytes] = {}
    for part in parts:
        files |= _projected(part, pod, placement, sources)
    return files


def _projected(part: Projection, pod: RunPod, placement: Placement, sources: Sources) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for reference, source in file_sources(part):
        files |= _selected(reference, source, content(sources, reference, optional=source.optional))
    if part.service_account_token:
        files |= _token(part.service_account_token, pod, sources)
    return files | _downward(part.downward_api or DownwardSource(), pod, placement)


def _token(source: TokenSource, pod: RunPod, sources: Sources) -> Content:
    if source not in sources:
        raise SourceError(f'failed to fetch token: serviceaccounts "{pod.spec.service_account_name}" not found')
    return sources[source]


def renewal_time(now: float, expires: float) -> float:
    """When a token that was given now is to be replaced: with a fifth of its life left, and within a day."""
    return min(now + RENEWED_AT * (expires - now), now + LONGEST_USE)


def _selected(reference: Reference, source: FileSource, found: Content) -> dict[str, bytes]:
    if source.items is None:
        return dict(found)
    missing = [item.key for item in source.items if item.key not in found]
    if missing and not source.optional:
        raise SourceError(f"{reference.kind} references non-existent config key: {missing[0]}")
    return {item.path: found[item.key] for item in source.items if item.key in found}


def _downward(source: DownwardSource, pod: RunPod, placement: Placement) -> dict[str, bytes]:
    return {
        item.path: pod_field(item.field_ref.field_path, pod, placement).encode()
        for item in source.items
        if item.field_ref
    }


def mounts_of(container: Container, pod: RunPod, folders: Mapping[str, str]) -> list[Mount]:
    """The bind mounts of a container, outer ones first.

    Args:
        folders: where the node keeps the volumes that it makes, by volume name.

    Raises:
        VolumeError: there is no such volume, or it is of a kind that this node cannot mount.
    """
    volumes = {volume.name: volume for volume in pod.spec.volumes or ()}
    mounts = []
    for mount in container.volume_mounts or ():
        volume = volumes.get(mount.name)
        if volume is None:
            raise VolumeError(f'container {container.name} mounts "{mount.name}", which is not a volume of the Pod')
        source = volume.host_path.path if volume.host_path else folders.get(volume.name)
        if source is None:
            raise VolumeError(f'volume "{volume.name}" is of a kind that this node cannot mount')
        target = posixpath.normpath(mount.mount_path)
        mounts.append(Mount(posixpath.join(source, mount.sub_path).rstrip("/") or "/", target, mount.read_only))
    return sorted(mounts, key=lambda mount: mount.target.count("/"))
