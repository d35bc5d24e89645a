"""The features that a running Pod requests but does not get: reported by an Event, so that users do not rely on them.

What cannot do without is refused instead (``volumes.check_volumes``); docs/pod-spec.md has the whole list.
"""

from collections.abc import Callable, Iterator

from fairlead.nodeagent.manifest import RESTART, Container, ContainerCapabilities, RunPod, RunPodSpec, SecurityContext
from fairlead.nodeagent.security_context import DEFAULT_CAPABILITIES, given_capabilities

_OF_NODE = "Localhost"  # a profile that the node must have
_OF_POD: dict[str, Callable[[RunPodSpec], object]] = {
    "hostPID": lambda spec: spec.host_pid,
    "hostIPC": lambda spec: spec.host_ipc,
    "hostUsers": lambda spec: spec.host_users is False,
    "runtimeClassName": lambda spec: spec.runtime_class_name,
    "resourceClaims": lambda spec: spec.resource_claims,
    "setHostnameAsFQDN": lambda spec: spec.set_hostname_as_fqdn,
    "securityContext.sysctls": lambda spec: spec.security_context.sysctls,
    "securityContext.supplementalGroupsPolicy": (
        lambda spec: spec.security_context.supplemental_groups_policy == "Strict"
    ),
    "securityContext.seccompProfile": lambda spec: spec.security_context.seccomp_profile.type == _OF_NODE,
    "securityContext.appArmorProfile": lambda spec: spec.security_context.app_armor_profile.type == _OF_NODE,
}
_OF_CONTAINER: dict[str, Callable[[Container], object]] = {
    "volumeDevices": lambda container: container.volume_devices,
    "volumeMounts.mountPropagation": (
        lambda container: any(each.mount_propagation not in (None, "None") for each in container.volume_mounts or ())
    ),
    "volumeMounts.recursiveReadOnly": (
        lambda container: any(each.recursive_read_only == "Enabled" for each in container.volume_mounts or ())
    ),
    "securityContext.procMount": lambda container: _security(container).proc_mount == "Unmasked",
    "securityContext.seccompProfile": lambda container: _security(container).seccomp_profile.type == _OF_NODE,
    "securityContext.appArmorProfile": lambda container: _security(container).app_armor_profile.type == _OF_NODE,
    "restartPolicyRules": lambda container: any(r.action != RESTART for r in container.restart_policy_rules or ()),
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
    security = _security(container)
    if security.privileged:
        yield " beyond ".join(["securityContext.privileged", *given])
    if set((security.capabilities or ContainerCapabilities()).add or ()) - DEFAULT_CAPABILITIES.union(given):
        yield "securityContext.capabilities.add"
    yield from (path for path, asks in _OF_CONTAINER.items() if asks(container))


def _security(container: Container) -> SecurityContext:
    return container.security_context or SecurityContext()
