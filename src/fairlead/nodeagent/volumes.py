"""The contents of a Pod's volumes, and their paths in its containers."""

import posixpath
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fairlead.model.names import dns1123_subdomain_errors
from fairlead.model.storage import PersistentVolume, PersistentVolumeClaim
from fairlead.nodeagent.environment import ContainerContext, expand, pod_field, references_in
from fairlead.nodeagent.manifest import (
    Container,
    DownwardFile,
    DownwardSource,
    FileSource,
    Projection,
    RunPod,
    TokenSource,
    Volume,
    VolumeMount,
)
from fairlead.nodeagent.resources import resource_field
from fairlead.nodeagent.sources import Content, PodReference, SourceError, content, file_sources

OWN_FOLDERS = ("/", "/dev", "/proc", "/sys")  # of each container; nothing else can be mounted there
FILE_MODE = 0o644  # where nothing else is said
RENEWED_AT = 0.8  # of a token's life, as upstream's kubelet
LONGEST_USE = 24 * 3600.0  # seconds


class VolumeError(Exception):
    """A volume cannot be mounted; on upstream's node, the Pod then stays in ``ContainerCreating``."""

    reason = "ContainerCreating"


def volume_of_claim(claim: PersistentVolumeClaim) -> str:
    """The name of the volume that a claim is bound to.

    Raises:
        VolumeError: it is not bound.
    """
    if not claim.is_bound:
        raise VolumeError(f"error processing PVC {claim.key}: PVC is not bound")
    return claim.spec.volume_name


def folder_made_for(volume: PersistentVolume, made_here: str) -> str | None:
    """The folder of a volume that the lab has made, below the one that holds all of these; None for any other volume,
    and for one whose handle is a path and no name."""
    is_name = volume.handle and not dns1123_subdomain_errors(volume.handle)
    return posixpath.join(made_here, volume.handle) if is_name else None


def place_of(volume: PersistentVolume, made_here: str) -> str:
    """The folder in which a volume's data are on this machine.

    Args:
        made_here: the folder that holds those which were made for claims.

    Raises:
        VolumeError: it is of a kind that this node cannot mount.
    """
    if folder := folder_made_for(volume, made_here):
        return folder
    if source := volume.spec.host_path or volume.spec.local:
        return source.path
    raise VolumeError(f'PersistentVolume "{volume.name}" is of a kind that this node cannot mount')


class Mount(NamedTuple):
    """A file or folder of the machine, and its path in a container.

    Attributes:
        source: the whole volume.
        part: path within it that is mounted instead; links in the volume must not lead it out.
    """

    source: str
    target: str
    read_only: bool = False
    part: str = ""


class VolumeFile(NamedTuple):
    """A file of a volume; ``mode`` are its permission bits."""

    content: bytes
    mode: int = FILE_MODE


Files = dict[str, VolumeFile]  # by path relative to the volume


def volume_files(volume: Volume, context: ContainerContext) -> Files | None:
    """A volume's files; None for a volume that is not made of files.

    Raises:
        SourceError: something that it is made of is not there.
    """
    if not volume.is_made_of_files:
        return None
    mode = (volume.projected and volume.projected.default_mode) or FILE_MODE
    files: Files = {}
    for part in volume.projected.sources if volume.projected else (volume,):
        files |= _projected(part, context, mode)
    for path in files:
        _require_within(path)
    return files


def _require_within(path: str) -> None:
    """The node writes these files with all its rights, and names that begin with two dots are its own."""
    if path.startswith(("/", "..")) or ".." in path.split("/"):
        raise SourceError(f"path {path!r} must be within the volume, and must not begin with '..'")


def _projected(part: Projection, context: ContainerContext, mode: int) -> Files:
    files: Files = {}
    for reference, source in file_sources(part):
        files |= _selected(reference, source, content(context.sources, reference, optional=source.optional), mode)
    if part.service_account_token:
        files |= {path: VolumeFile(text, mode) for path, text in _token(part.service_account_token, context).items()}
    return files | _downward(part.downward_api or DownwardSource(), context, mode)


def _token(source: TokenSource, context: ContainerContext) -> Content:
    if source not in context.sources:
        account = context.pod.spec.service_account_name
        raise SourceError(f'failed to fetch token: serviceaccounts "{account}" not found')
    return context.sources[source]


def renewal_time(now: float, expires: float) -> float:
    """When a token that was given now is to be replaced: with a fifth of its life left, and within a day."""
    return min(now + RENEWED_AT * (expires - now), now + LONGEST_USE)


def _selected(reference: PodReference, source: FileSource, found: Content, mode: int) -> Files:
    mode = source.default_mode or mode
    if source.items is None:
        return {path: VolumeFile(text, mode) for path, text in found.items()}
    missing = [item.key for item in source.items if item.key not in found]
    if missing and not source.optional:
        raise SourceError(f"{reference.kind} references non-existent config key: {missing[0]}")
    return {item.path: VolumeFile(found[item.key], item.mode or mode) for item in source.items if item.key in found}


def _downward(source: DownwardSource, context: ContainerContext, mode: int) -> Files:
    mode = source.default_mode or mode
    return {item.path: VolumeFile(_downward_value(item, context).encode(), item.mode or mode) for item in source.items}


def _downward_value(item: DownwardFile, context: ContainerContext) -> str:
    if item.resource_field_ref:
        return resource_field(item.resource_field_ref, "", context.pod, context.allocatable)
    return pod_field(item.field_ref.field_path if item.field_ref else "", context.pod, context.placement)


def check_volumes(pod: RunPod) -> None:
    """Refuse what this node does not provide, also where no container mounts it, as a real node does.

    Raises:
        VolumeError: a volume is of a kind that this node cannot mount.
    """
    for volume in pod.spec.volumes or ():
        if not (volume.is_made_of_files or volume.host_path or volume.empty_dir or volume.persistent_volume_claim):
            raise VolumeError(f'volume "{volume.name}" is of a kind that this node cannot mount')
        for source in volume.projected.sources if volume.projected else ():
            if source == Projection():
                raise VolumeError(f'a source of the projected volume "{volume.name}" is not provided by this node')


def mounts_of(
    container: Container, pod: RunPod, folders: Mapping[str, str], environment: Mapping[str, str]
) -> list[Mount]:
    """The bind mounts of a container, outer ones first.

    Args:
        folders: where the node keeps the volumes that it makes, by volume name.
        environment: the container's variables, which a part of a volume may be named after.

    Raises:
        VolumeError: there is no such volume, or it is of a kind that this node cannot mount.
        SourceError: a part is named after something that is not there, or leads out of its volume.
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
        if target in OWN_FOLDERS:
            raise VolumeError(f'volume "{volume.name}" cannot be mounted at {target}, which is each container\'s own')
        claim = volume.persistent_volume_claim
        mounts.append(
            Mount(
                source,
                target,
                mount.read_only or volume.is_made_of_files or (claim is not None and claim.read_only),
                _part(mount, environment),
            )
        )
    return outer_first(mounts)


def outer_first(mounts: Iterable[Mount]) -> list[Mount]:
    """Sort mounts so that none covers an earlier one."""
    return sorted(mounts, key=lambda mount: mount.target.count("/"))


def _part(mount: VolumeMount, environment: Mapping[str, str]) -> str:
    """The path within the volume that is mounted. Upstream: ``ExpandContainerVolumeMounts`` and ``makeMounts``."""
    if not mount.sub_path_expr:
        return mount.sub_path
    if missing := sorted(references_in(mount.sub_path_expr) - environment.keys()):
        raise SourceError(f"failed to expand subPath expression {mount.sub_path_expr!r}: no variable {missing[0]}")
    part = expand(mount.sub_path_expr, environment)
    if part.startswith("/") or ".." in part.split("/"):
        raise SourceError(f"subPath {part!r}, from {mount.sub_path_expr!r}, must be a relative path without '..'")
    return part
