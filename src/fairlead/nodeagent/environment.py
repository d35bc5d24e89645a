"""The environment of a container: Service variables, then its own ``env``, in upstream's order and spelling.

Upstream: ``pkg/kubelet/kubelet_pods.go``; expansion of ``$(NAME)`` as in ``third_party/forked/golang
/expansion``: an unknown name stays as written, ``$$`` is one dollar sign.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec import structs

from fairlead.nodeagent.credentials import ROOT
from fairlead.nodeagent.manifest import Container, EnvFromSource, EnvVar, EnvVarSource, RunPod
from fairlead.nodeagent.resources import resource_field
from fairlead.nodeagent.security_context import credentials_of
from fairlead.nodeagent.sources import CONFIG_MAP, SECRET, PodReference, SourceError, Sources, content

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_REFERENCE = re.compile(r"\$(?:\$|\((?P<name>[^()]*)\))")


class PodPlacement(NamedTuple):
    """The downward API's data about a Pod's node and addresses; one for each IP family, the primary one first."""

    node_name: str
    host_ips: tuple[str, ...]
    pod_ips: tuple[str, ...]


@dataclass(frozen=True)
class ContainerContext:
    """The sources of a container's variables.

    Attributes:
        service_variables: see ``service_links``.
        sources: the ConfigMaps and Secrets that the Pod refers to.
        allocatable: the node's allocatable quantities by resource.
    """

    pod: RunPod
    placement: PodPlacement
    service_variables: Mapping[str, str] = field(default_factory=dict)
    sources: Sources = field(default_factory=dict)
    allocatable: Mapping[str, str] = field(default_factory=dict)


def build_environment(
    container: Container, context: ContainerContext, image: Mapping[str, str], home: str = ""
) -> dict[str, str]:
    """Every variable of a container; those of its image give way to all others.

    Args:
        home: folder of the user that the container runs as, where its image says.

    Raises:
        SourceError: a variable comes from something that is not there.
        CredentialsError: it may not run.
    """
    home = home or ("/root" if credentials_of(container, context.pod).uid == ROOT else "/")
    runtime = {"PATH": DEFAULT_PATH, "HOME": home, "HOSTNAME": context.pod.hostname}
    return {**runtime, **image, **declared_variables(container, context)}


def declared_variables(container: Container, context: ContainerContext) -> dict[str, str]:
    """The variables that ``$(NAME)`` can refer to: those of Services and those that the container declares; what its
    image and the runtime add are none of them.

    Raises:
        SourceError: a variable comes from something that is not there.
    """
    variables = dict(context.service_variables)
    for source in container.env_from or ():
        variables |= _all_of(source, context.sources)
    for variable in container.env or ():
        if variable.value_from is None:
            variables[variable.name] = expand(variable.value, variables)
        elif (value := _from_source(variable, container, context)) is not None:
            variables[variable.name] = value
    return variables


def with_expanded_command(container: Container, variables: Mapping[str, str]) -> Container:
    """The container with ``$(NAME)`` in its command and its args replaced."""

    def expanded(words: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if words is None else tuple(expand(word, variables) for word in words)

    return structs.replace(container, command=expanded(container.command), args=expanded(container.args))


def expand(text: str, environment: Mapping[str, str]) -> str:
    """``text`` with ``$(NAME)`` replaced by what is known."""

    def value(match: re.Match[str]) -> str:
        name = match["name"]
        return "$" if name is None else environment.get(name, match[0])

    return _REFERENCE.sub(value, text)


def references_in(text: str) -> set[str]:
    """The names that ``text`` refers to as ``$(NAME)``."""
    return {match["name"] for match in _REFERENCE.finditer(text) if match["name"] is not None}


def _all_of(source: EnvFromSource, sources: Sources) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind, reference in ((CONFIG_MAP, source.config_map_ref), (SECRET, source.secret_ref)):
        if reference:
            values = content(sources, PodReference(kind, reference.name), optional=reference.optional)
            found |= {f"{source.prefix}{key}": value.decode(errors="replace") for key, value in values.items()}
    return found


def _from_source(variable: EnvVar, container: Container, context: ContainerContext) -> str | None:
    """The value; None when an optional source does not have it, and the variable is left out."""
    source = variable.value_from or EnvVarSource()
    if source.field_ref:
        return pod_field(source.field_ref.field_path, context.pod, context.placement)
    if source.resource_field_ref:
        return resource_field(source.resource_field_ref, container.name, context.pod, context.allocatable)
    for kind, selector in ((CONFIG_MAP, source.config_map_key_ref), (SECRET, source.secret_key_ref)):
        if selector:
            values = content(context.sources, PodReference(kind, selector.name), optional=selector.optional)
            if selector.key not in values and not selector.optional:
                raise SourceError(f"couldn't find key {selector.key} in {kind} {context.pod.namespace}/{selector.name}")
            value = values.get(selector.key)
            return None if value is None else value.decode(errors="replace")
    raise SourceError(f"the source of variable {variable.name} is of a kind that this node does not know")


def pod_field(path: str, pod: RunPod, placement: PodPlacement) -> str:
    """A field that the downward API provides.

    Raises:
        SourceError: it is none.
    """
    keyed = re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path)
    if keyed:
        return (pod.labels if keyed[1] == "labels" else pod.annotations).get(keyed[2], "")
    fields = {
        "metadata.name": pod.name,
        "metadata.namespace": pod.namespace,
        "metadata.uid": pod.metadata.uid,
        "metadata.labels": _lines(pod.labels),
        "metadata.annotations": _lines(pod.annotations),
        "spec.nodeName": placement.node_name,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "status.hostIP": placement.host_ips[0],
        "status.hostIPs": ",".join(placement.host_ips),
        "status.podIP": placement.pod_ips[0],
        "status.podIPs": ",".join(placement.pod_ips),
    }
    if path not in fields:
        raise SourceError(f"field {path!r} is not one that a Pod can be told")
    return fields[path]


def _lines(pairs: Mapping[str, str]) -> str:
    return "\n".join(f'{key}="{value}"' for key, value in sorted(pairs.items()))
