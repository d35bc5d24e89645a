"""The ConfigMaps, Secrets and tokens that a Pod refers to, and the values of their keys.

A reference to a missing object is an error of the Pod until the object is created, unless the reference is
optional; messages are those of upstream's kubelet.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fairlead.nodeagent.manifest import Container, FileSource, Projection, RunPod, TokenSource

CONFIG_MAP, SECRET = "configmap", "secret"

Content = Mapping[str, bytes]


class SourceError(Exception):
    """An object that the Pod refers to is missing; ``reason`` is upstream's waiting reason for it."""

    reason = "CreateContainerConfigError"


class PodReference(NamedTuple):
    """A ConfigMap or Secret of the Pod's namespace."""

    kind: str
    name: str


# A token's content is the one file that holds it.
Sources = Mapping[PodReference | TokenSource, Content]


def references(pod: RunPod) -> set[PodReference]:
    """Everything that the Pod's containers and volumes refer to."""
    spec = pod.spec
    containers = (*(spec.init_containers or ()), *spec.containers, *(spec.ephemeral_containers or ()))
    return {
        *(reference for container in containers for reference in _of_container(container)),
        *volume_references(pod),
    }


def volume_references(pod: RunPod) -> set[PodReference]:
    """The objects that the Pod's volumes contain, and whose changes they follow."""
    return {reference for projection in projections(pod) for reference, _ in file_sources(projection)}


def _of_container(container: Container) -> Iterator[PodReference]:
    for source in container.env_from or ():
        if source.config_map_ref:
            yield PodReference(CONFIG_MAP, source.config_map_ref.name)
        if source.secret_ref:
            yield PodReference(SECRET, source.secret_ref.name)
    for variable in container.env or ():
        if variable.value_from and variable.value_from.config_map_key_ref:
            yield PodReference(CONFIG_MAP, variable.value_from.config_map_key_ref.name)
        if variable.value_from and variable.value_from.secret_key_ref:
            yield PodReference(SECRET, variable.value_from.secret_key_ref.name)


def projections(pod: RunPod) -> Iterator[Projection]:
    """Each source of files of each volume."""
    for volume in pod.spec.volumes or ():
        yield volume
        if volume.projected:
            yield from volume.projected.sources


def token_sources(pod: RunPod) -> set[TokenSource]:
    """Every token that the Pod's volumes show."""
    return {projection.service_account_token for projection in projections(pod) if projection.service_account_token}


def file_sources(projection: Projection) -> Iterator[tuple[PodReference, FileSource]]:
    """The ConfigMap and the Secret that a volume's files are made of, where there are any."""
    if projection.config_map:
        yield PodReference(CONFIG_MAP, projection.config_map.name), projection.config_map
    if projection.secret:
        name = projection.secret.secret_name or projection.secret.name
        yield PodReference(SECRET, name), projection.secret


def content(sources: Sources, reference: PodReference, *, optional: bool) -> Content:
    """All keys of a ConfigMap or Secret.

    Raises:
        SourceError: it is not there, and not optional.
    """
    if reference in sources:
        return sources[reference]
    if optional:
        return {}
    raise SourceError(f'{reference.kind} "{reference.name}" not found')
