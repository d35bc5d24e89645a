"""What a Pod asks of its node and does not get, though it runs: told by an Event, so that nobody relies on it.

What cannot do without is refused instead (``volumes.check_volumes``); docs/pod-spec.md has the whole list.
"""

from collections.abc import Callable, Iterator

from fairlead.nodeagent.manifest import Container, ContainerCapabilities, RunPod, RunPodSpec, SecurityContext

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
    "securityContext.privileged": lambda container: _security(container).privileged,
    "securityContext.capabilities.add": lambda container: (
        (_security(container).capabilities or ContainerCapabilities()).add
    ),
    "volumeDevices": lambda container: container.volume_devices,
    "restartPolicyRules": lambda container: container.restart_policy_rules,
}


def not_provided(pod: RunPod) -> list[str]:
    """The fields, by their paths, whose values this node does not act on."""
    spec = pod.spec
    return [
        *(f"spec.{path}" for path, asks in _OF_POD.items() if asks(spec)),
        *_of_containers("initContainers", spec.init_containers or ()),
        *_of_containers("containers", spec.containers),
        *_of_containers("ephemeralContainers", spec.ephemeral_containers or ()),
    ]


def _of_containers(group: str, containers: tuple[Container, ...]) -> Iterator[str]:
    for container in containers:
        for path, asks in _OF_CONTAINER.items():
            if asks(container):
                yield f"spec.{group}{{{container.name}}}.{path}"


def _security(container: Container) -> SecurityContext:
    return container.security_context or SecurityContext()
