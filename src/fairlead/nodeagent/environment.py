"""The environment of a container: Service variables, then its own ``env``, in upstream's order and spelling.

Upstream: ``pkg/kubelet/envvars`` and ``kubelet_pods.go``; expansion of ``$(NAME)`` as in ``third_party/forked/golang
/expansion``: an unknown name stays as written, ``$$`` is one dollar sign.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fairlead.model.objects import Service
from fairlead.nodeagent.manifest import Container, EnvVar, RunPod

API_SERVER = "kubernetes"  # in namespace default; its variables are in every container
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_REFERENCE = re.compile(r"\$(?:\$|\((?P<name>[^()]*)\))")


class Placement(NamedTuple):
    """What the downward API tells of where a Pod runs."""

    node_name: str
    host_ip: str
    pod_ip: str


class VariableError(Exception):
    """A variable's source is not there; upstream's waiting reason for it is ``CreateContainerConfigError``."""

    reason = "CreateContainerConfigError"


def build_environment(
    container: Container, pod: RunPod, placement: Placement, services: Iterable[Service]
) -> dict[str, str]:
    """Every variable of a container.

    Args:
        services: those of the Pod's namespace, and ``default/kubernetes``.

    Raises:
        VariableError: a variable comes from a field that Pods do not have.
    """
    environment = {"PATH": DEFAULT_PATH, "HOME": "/root", "HOSTNAME": pod.hostname}
    environment |= service_variables(linked_services(pod, services))
    for variable in container.env or ():
        if variable.value_from is None:
            environment[variable.name] = expand(variable.value, environment)
        else:
            environment[variable.name] = _from_source(variable, pod, placement)
    return environment


def linked_services(pod: RunPod, services: Iterable[Service]) -> list[Service]:
    """The Services that a Pod gets variables for, in order of name: the API server's, and those of its namespace unless
    the Pod does not want them. Headless ones have no address to tell."""
    found = {
        service.name: service
        for service in sorted(services, key=lambda service: (service.namespace == pod.namespace, service.name))
        if service.cluster_ips
        and (
            (service.namespace == "default" and service.name == API_SERVER)
            or (service.namespace == pod.namespace and pod.spec.enable_service_links)
        )
    }
    return list(found.values())


def service_variables(services: Iterable[Service]) -> dict[str, str]:
    """``NAME_SERVICE_HOST`` and its kin, with the variables of old Docker links."""
    variables: dict[str, str] = {}
    for service in services:
        prefix = service.name.upper().replace("-", "_")
        host = service.cluster_ips[0]
        variables[f"{prefix}_SERVICE_HOST"] = host
        for position, port in enumerate(service.spec.ports):
            if position == 0:
                variables[f"{prefix}_SERVICE_PORT"] = str(port.port)
                variables[f"{prefix}_PORT"] = f"{port.protocol.lower()}://{_bracketed(host)}:{port.port}"
            if port.name:
                variables[f"{prefix}_SERVICE_PORT_{port.name.upper().replace('-', '_')}"] = str(port.port)
            link = f"{prefix}_PORT_{port.port}_{port.protocol}"
            variables[link] = f"{port.protocol.lower()}://{_bracketed(host)}:{port.port}"
            variables[f"{link}_PROTO"] = port.protocol.lower()
            variables[f"{link}_PORT"] = str(port.port)
            variables[f"{link}_ADDR"] = host
    return variables


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def expand(text: str, environment: Mapping[str, str]) -> str:
    """``text`` with ``$(NAME)`` replaced by what is known."""

    def value(match: re.Match[str]) -> str:
        name = match["name"]
        return "$" if name is None else environment.get(name, match[0])

    return _REFERENCE.sub(value, text)


def _from_source(variable: EnvVar, pod: RunPod, placement: Placement) -> str:
    source = variable.value_from
    assert source is not None
    if source.field_ref is None:
        raise VariableError(f"the source of variable {variable.name} is not supported; give it a value or a fieldRef")
    path = source.field_ref.field_path
    keyed = re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path)
    if keyed:
        return (pod.labels if keyed[1] == "labels" else pod.annotations).get(keyed[2], "")
    fields = {
        "metadata.name": pod.name,
        "metadata.namespace": pod.namespace,
        "metadata.uid": pod.metadata.uid,
        "spec.nodeName": placement.node_name,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "status.hostIP": placement.host_ip,
        "status.hostIPs": placement.host_ip,
        "status.podIP": placement.pod_ip,
        "status.podIPs": placement.pod_ip,
    }
    if path not in fields:
        raise VariableError(f"variable {variable.name}: field {path!r} is not one that a Pod can be told")
    return fields[path]
