"""What is in a Pod's volumes, and where its containers see them."""

import posixpath
from collections.abc import Mapping
from typing import NamedTuple

from fairlead.nodeagent.environment import Placement, pod_field
from fairlead.nodeagent.manifest import Container, DownwardSource, FileSource, Projection, RunPod, TokenSource, Volume
from fairlead.nodeagent.sources import Content, Reference, SourceError, Sources, content, file_sources

FILE_MODE = 0o644  # where nothing else is said
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


class File(NamedTuple):
    """A file of a volume; ``mode`` are its permission bits."""

    content: bytes
    mode: int = FILE_MODE


Files = dict[str, File]  # by path relative to the volume


def volume_files(volume: Volume, pod: RunPod, placement: Placement, sources: Sources) -> Files | None:
    """A volume's files; None for a volume that is not made of files.

    Raises:
        SourceError: something that it is made of is not there.
    """
    if not volume.is_made_of_files:
        return None
    mode = (volume.projected and volume.projected.default_mode) or FILE_MODE
    files: Files = {}
    for part in volume.projected.sources if volume.projected else (volume,):
        files |= _projected(part, pod, placement, sources, mode)
    return files


def _projected(part: Projection, pod: RunPod, placement: Placement, sources: Sources, mode: int) -> Files:
    files: Files = {}
    for reference, source in file_sources(part):
        files |= _selected(reference, source, content(sources, reference, optional=source.optional), mode)
    if part.service_account_token:
        files |= {path: File(text, mode) for path, text in _token(part.service_account_token, pod, sources).items()}
    return files | _downward(part.downward_api or DownwardSource(), pod, placement, mode)


def _token(source: TokenSource, pod: RunPod, sources: Sources) -> Content:
    if source not in sources:
        raise SourceError(f'failed to fetch token: serviceaccounts "{pod.spec.service_account_name}" not found')
    return sources[source]


def renewal_time(now: float, expires: float) -> float:
    """When a token that was given now is to be replaced: with a fifth of its life left, and within a day."""
    return min(now + RENEWED_AT * (expires - now), now + LONGEST_USE)


def _selected(reference: Reference, source: FileSource, found: Content, mode: int) -> Files:
    mode = source.default_mode or mode
    if source.items is None:
        return {path: File(text, mode) for path, text in found.items()}
    missing = [item.key for item in source.items if item.key not in found]
    if missing and not source.optional:
        raise SourceError(f"{reference.kind} references non-existent config key: {missing[0]}")
    return {item.path: File(found[item.key], item.mode or mode) for item in source.items if item.key in found}


def _downward(source: DownwardSource, pod: RunPod, placement: Placement, mode: int) -> Files:
    mode = source.default_mode or mode
    return {
        item.path: File(pod_field(item.field_ref.field_path, pod, placement).encode(), item.mode or mode)
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
        mounts.append(
            Mount(
                posixpath.join(source, mount.sub_path).rstrip("/") or "/",
                target,
                mount.read_only or volume.is_made_of_files,
            )
        )
    return sorted(mounts, key=lambda mount: mount.target.count("/"))
