"""The features that a running Pod requests but does not get: reported by an Event, so that users do not rely on them.

What cannot do without is refused instead (``volumes.check_volumes``); docs/pod-spec.md has the whole list.
"""

from collections.abc import Callable, Iterator

from fairlead.nodeagent.manifest import Container, ContainerCapabilities, RunPod, RunPodSpec, SecurityContext
from fairlead.nodeagent.security_context import USUAL_CAPABILITIES, given_capabilities

_OF_POD: dict[str, Callable[[RunPodSpec], object]] = {
    "hostPID": lambda spec: spec.host_pid,
    "hostIPC": lambda spec: spec.host_ipc,
    "hostUsers": lambda spec: spec.host_users is False,
    "runtimeClassName": lambda spec: spec.runtime_class_name,
    "resourceClaims": lambda spec: spec.resource_claims,
    "setHostnameAsFQDN": lambda spec: spec.set_hostname_as_fqdn,
    "securityContext.sysctls": lambda spec: spec.security_context.sysctls,
}
_OF_CONTAINER: dict[str, Callable[[Container], object]] = {
    "volumeDevices": lambda container: container.volume_devices,
    "restartPolicyRules": lambda container: container.restart_policy_rules,
}


def not_provided(pod: RunPod, *, gives_network: bool = False) -> list[str]:
    """The fields, by their paths, whose values this node does not act on.

    Args:
        gives_network: whether its containers get ``security_context.given_capabilities``.
    """
    spec = pod.spec
    groups = {
        "initContainers": spec.init_containers or (),
        "containers": spec.containers,
        "ephemeralContainers": spec.ephemeral_containers or (),
    }
    return [
        *(f"spec.{path}" for path, asks in _OF_POD.items() if asks(spec)),
        *(
            f"spec.{group}{{{container.name}}}.{path}"
            for group, containers in groups.items()
            for container in containers
            for path in _of_container(container, given_capabilities(container, pod) if gives_network else ())
        ),
    ]


def _of_container(container: Container, given: tuple[str, ...]) -> Iterator[str]:
    security = container.security_context or SecurityContext()
    if security.privileged:
        yield " beyond ".join(["securityContext.privileged", *given])
    if set((security.capabilities or ContainerCapabilities()).add or ()) - USUAL_CAPABILITIES.union(given):
        yield "securityContext.capabilities.add"
    yield from (path for path, asks in _OF_CONTAINER.items() if asks(container))
