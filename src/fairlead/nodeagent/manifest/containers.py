"""One container: its program, ports, mounts, user and resources."""

from collections.abc import Mapping
from typing import Any

import msgspec

from fairlead.model.objects import Slim
from fairlead.nodeagent.manifest.actions import Lifecycle, Probe
from fairlead.nodeagent.manifest.variables import EnvFromSource, EnvVar


class ContainerPort(Slim, frozen=True):
    """A named or numbered port of a container. ``host_port`` of its node leads to it: at ``host_ip``, or at every
    address of the node."""

    container_port: int
    name: str = ""
    protocol: str = "TCP"
    host_port: int = 0
    host_ip: str = msgspec.field(default="", name="hostIP")


class VolumeMount(Slim, frozen=True):
    """The path of a volume, or of a part of it, in a container; ``sub_path_expr`` can use variables as ``$(NAME)``."""

    name: str
    mount_path: str
    sub_path: str = ""
    sub_path_expr: str = ""
    read_only: bool = False
    recursive_read_only: str | None = None
    mount_propagation: str | None = None


class Profile(Slim, frozen=True):
    """A profile of seccomp or AppArmor; of type Localhost if the node must have a file for it."""

    type: str = ""


class ContainerCapabilities(Slim, frozen=True):
    """Capabilities that a container wants beyond the usual ones, and does not want; ``ALL`` is every one."""

    add: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None


class SecurityContext(Slim, frozen=True):
    """The user and groups of a container; a missing field has the Pod's value."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    privileged: bool | None = None
    capabilities: ContainerCapabilities | None = None
    read_only_root_filesystem: bool = False
    proc_mount: str | None = None
    seccomp_profile: Profile = Profile()
    app_armor_profile: Profile = Profile()


class Resources(Slim, frozen=True):
    """Quantities by resource: the most that a container may have, and what it needs."""

    limits: Mapping[str, str] | None = None
    requests: Mapping[str, str] | None = None


class ExitCodes(Slim, frozen=True):
    """Exit codes that are among the values (operator In), or are not (NotIn)."""

    operator: str = "In"
    values: tuple[int, ...] = ()

    def includes(self, code: int) -> bool:
        return (code in self.values) == (self.operator == "In")


class RestartRule(Slim, frozen=True):
    """The action after a container ends with one of these codes; it overrides the restart policy."""

    action: str = ""
    exit_codes: ExitCodes = ExitCodes()


RESTART = "Restart"  # the one action that a node here takes


class Container(Slim, frozen=True):
    """One container. ``restart_policy`` goes before the Pod's, and Always makes an init container a sidecar. ``stdin``
    keeps its standard input open for clients that attach, with ``stdin_once`` for the first one only. ``tty`` gives it
    a terminal."""

    name: str
    image: str = ""
    image_pull_policy: str = ""
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    working_dir: str = ""
    env: tuple[EnvVar, ...] | None = None
    env_from: tuple[EnvFromSource, ...] | None = None
    ports: tuple[ContainerPort, ...] | None = None
    volume_mounts: tuple[VolumeMount, ...] | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    restart_policy: str | None = None
    security_context: SecurityContext | None = None
    resources: Resources = Resources()
    termination_message_path: str = "/dev/termination-log"
    termination_message_policy: str = "File"
    stdin: bool = False
    stdin_once: bool = False
    volume_devices: tuple[dict[str, Any], ...] | None = None
    restart_policy_rules: tuple[RestartRule, ...] | None = None
    tty: bool = False
    target_container_name: str = ""


def port_number(container: Container, port: int | str) -> int | None:
    """The number of a port given by number or by one of the container's port names; None when there is no such name."""
    if isinstance(port, int):
        return port
    return next((p.container_port for p in container.ports or () if p.name == port), None)
