"""A Pod as its node reads it: the fields of ``Pod`` that its processes need.

It has more fields than ``model.objects.Pod``, of which many components hold thousands; a node holds only its own Pods.
Fields have the meanings of the Kubernetes API reference, v1.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from fairlead.model.objects import Condition, KubeObject, PodIP, Slim
from fairlead.model.qos import AskedResources, qos_class


class ObjectFieldSelector(Slim, frozen=True):
    """A field of the Pod itself, such as ``metadata.name``."""

    field_path: str


class KeySelector(Slim, frozen=True):
    """A key of a ConfigMap or Secret."""

    key: str
    name: str = ""
    optional: bool = False


class ResourceSelector(Slim, frozen=True):
    """A resource of a container, such as ``limits.cpu``, in units of the divisor; a divisor of 0 stands for 1."""

    resource: str
    container_name: str = ""
    divisor: str = "0"


class EnvVarSource(Slim, frozen=True):
    """The source of a variable's value; exactly one field is set."""

    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceSelector | None = None
    config_map_key_ref: KeySelector | None = None
    secret_key_ref: KeySelector | None = None


class EnvVar(Slim, frozen=True):
    """One environment variable; ``value`` may refer to earlier ones as ``$(NAME)``."""

    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


class SourceReference(Slim, frozen=True):
    """A ConfigMap or Secret as a whole."""

    name: str = ""
    optional: bool = False


class EnvFromSource(Slim, frozen=True):
    """Variables for every key of a ConfigMap or Secret."""

    prefix: str = ""
    config_map_ref: SourceReference | None = None
    secret_ref: SourceReference | None = None


class ExecAction(Slim, frozen=True):
    """A command run in the container; it succeeds by exit code 0."""

    command: tuple[str, ...] = ()


class HTTPHeader(Slim, frozen=True):
    """A header of a probe's request."""

    name: str
    value: str


class HTTPGetAction(Slim, frozen=True):
    """A request that succeeds by a status from 200 to 399."""

    port: int | str
    path: str = "/"
    host: str = ""
    scheme: str = "HTTP"
    http_headers: tuple[HTTPHeader, ...] = ()


class TCPSocketAction(Slim, frozen=True):
    """A connection that succeeds by being accepted."""

    port: int | str
    host: str = ""


class GRPCAction(Slim, frozen=True):
    """A call of the gRPC health protocol that succeeds when the service is serving; ``service`` may be empty."""

    port: int
    service: str = ""


class SleepAction(Slim, frozen=True):
    """A pause."""

    seconds: int


class Handler(Slim, frozen=True):
    """An action on a container; exactly one field is set."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None
    sleep: SleepAction | None = None


class Lifecycle(Slim, frozen=True):
    """What is done right after a container has started, and right before ``stop_signal`` tells it to end; without one
    that is the image's, or SIGTERM."""

    post_start: Handler | None = None
    pre_stop: Handler | None = None
    stop_signal: str = ""


class Probe(Handler, frozen=True):
    """A periodic check of a container; times in seconds."""

    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None


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


class PodSecurityContext(SecurityContext, frozen=True):
    """The user and groups of a Pod's containers. ``fs_group`` also owns the Pod's volumes."""

    fs_group: int | None = None
    supplemental_groups: tuple[int, ...] | None = None
    sysctls: tuple[dict[str, Any], ...] | None = None


class Resources(Slim, frozen=True):
    """Quantities by resource: the most that a container may have, and what it needs."""

    limits: Mapping[str, str] | None = None
    requests: Mapping[str, str] | None = None


class Container(Slim, frozen=True):
    """One container. ``restart_policy`` Always makes an init container a sidecar; ``stdin`` keeps its standard input
    open for clients that attach, with ``stdin_once`` for the first one only; ``tty`` gives it a terminal."""

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
    restart_policy_rules: tuple[dict[str, Any], ...] | None = None
    tty: bool = False
    target_container_name: str = ""


class HostPath(Slim, frozen=True):
    """A file or folder of the machine; ``type`` says what must be there, or is to be made."""

    path: str
    type: str = ""


class EmptyDir(Slim, frozen=True):
    """A folder that is empty when the Pod starts, and goes with it; ``size_limit`` is a quantity."""

    size_limit: str | None = None


class BoundClaimSource(Slim, frozen=True):
    """The volume that a PersistentVolumeClaim is bound to."""

    claim_name: str
    read_only: bool = False


class KeyToPath(Slim, frozen=True):
    """A key of a ConfigMap or Secret, and the file that it becomes; without a mode of its own it has its volume's."""

    key: str
    path: str
    mode: int | None = None


class DownwardFile(Slim, frozen=True):
    """A file that holds a field of the Pod or a resource of a container; without a mode of its own it has its
    volume's."""

    path: str
    mode: int | None = None
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceSelector | None = None


class FileSource(Slim, frozen=True):
    """Files made of a ConfigMap (``name``) or of a Secret (``secretName``, or ``name`` where projected): of every key,
    or of those that ``items`` names."""

    name: str = ""
    secret_name: str = ""
    optional: bool = False
    items: tuple[KeyToPath, ...] | None = None
    default_mode: int | None = None


class DownwardSource(Slim, frozen=True):
    """Files made of fields of the Pod."""

    items: tuple[DownwardFile, ...] = ()
    default_mode: int | None = None


class TokenSource(Slim, frozen=True):
    """A file that holds a token of the Pod's ServiceAccount, for the API server when no ``audience`` is named."""

    path: str
    audience: str = ""
    expiration_seconds: int = 3600


class Projection(Slim, frozen=True):
    """One source of a projected volume; only there may it be a token."""

    service_account_token: TokenSource | None = None
    config_map: FileSource | None = None
    secret: FileSource | None = None
    downward_api: DownwardSource | None = msgspec.field(default=None, name="downwardAPI")


class Projected(Slim, frozen=True):
    """Several sources in one folder."""

    sources: tuple[Projection, ...] = ()
    default_mode: int | None = None


class Volume(Projection, frozen=True):
    """A volume that containers can mount; exactly one source is set."""

    name: str = ""
    host_path: HostPath | None = None
    empty_dir: EmptyDir | None = None
    projected: Projected | None = None
    persistent_volume_claim: BoundClaimSource | None = None

    @property
    def is_made_of_files(self) -> bool:
        """Whether its contents are written by the node, and nobody else may change them."""
        return any((self.config_map, self.secret, self.downward_api, self.projected))


class DNSOption(Slim, frozen=True):
    """A resolver option, such as ``ndots`` with value ``2``."""

    name: str
    value: str | None = None


class DNSConfig(Slim, frozen=True):
    """Additions to the settings of the DNS policy."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[DNSOption, ...] = ()


class HostAlias(Slim, frozen=True):
    """An extra line of ``/etc/hosts``."""

    ip: str
    hostnames: tuple[str, ...] = ()


class ReadinessGate(Slim, frozen=True):
    """A condition that other components set, and that must be true for the Pod to be ready."""

    condition_type: str


class RunPodSpec(Slim, frozen=True):
    """Desired state of a Pod."""

    node_name: str = ""
    hostname: str = ""
    subdomain: str = ""
    host_network: bool = False
    host_pid: bool = msgspec.field(default=False, name="hostPID")
    host_ipc: bool = msgspec.field(default=False, name="hostIPC")
    host_users: bool | None = None
    runtime_class_name: str | None = None
    resource_claims: tuple[dict[str, Any], ...] | None = None
    set_hostname_as_fqdn: bool | None = msgspec.field(default=None, name="setHostnameAsFQDN")
    hostname_override: str | None = None
    restart_policy: str = "Always"
    enable_service_links: bool = True
    service_account_name: str = ""
    dns_policy: str = "ClusterFirst"
    dns_config: DNSConfig | None = None
    host_aliases: tuple[HostAlias, ...] | None = None
    security_context: PodSecurityContext = PodSecurityContext()
    termination_grace_period_seconds: int = 30
    active_deadline_seconds: int | None = None
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] | None = None
    ephemeral_containers: tuple[Container, ...] | None = None
    volumes: tuple[Volume, ...] | None = None
    readiness_gates: tuple[ReadinessGate, ...] | None = None
    image_pull_secrets: tuple[SourceReference, ...] | None = None
    resources: Resources | None = None


class RunPodStatus(Slim, frozen=True):
    """Last published state of a Pod, from which the next agent of this node starts."""

    phase: str = "Pending"
    pod_ip: str = msgspec.field(default="", name="podIP")
    pod_ips: tuple[PodIP, ...] = msgspec.field(default=(), name="podIPs")
    start_time: str | None = None
    qos_class: str = ""
    conditions: tuple[Condition, ...] | None = None
    container_statuses: tuple[dict[str, Any], ...] | None = None
    init_container_statuses: tuple[dict[str, Any], ...] | None = None
    ephemeral_container_statuses: tuple[dict[str, Any], ...] | None = None

    @property
    def ips(self) -> tuple[str, ...]:
        """All addresses of the Pod."""
        return tuple(each.ip for each in self.pod_ips) or ((self.pod_ip,) if self.pod_ip else ())


class RunPod(KubeObject, frozen=True):
    """A Pod with all data that its node needs."""

    spec: RunPodSpec = RunPodSpec()
    status: RunPodStatus = RunPodStatus()

    @property
    def hostname(self) -> str:
        """Its own, or that of its node, whose network it may be in; ``hostnameOverride`` goes before both."""
        if self.spec.hostname_override:
            return self.spec.hostname_override
        if self.spec.host_network:
            return self.spec.node_name
        return self.spec.hostname or self.name[:63].rstrip("-.")

    @property
    def qos_class(self) -> str:
        """What the API server has settled, or what it would settle."""
        return self.status.qos_class or qos_class(
            map(_asked, (*self.spec.containers, *(self.spec.init_containers or ()))),
            _asked(self.spec),
        )

    @property
    def is_finished(self) -> bool:
        return self.status.phase in ("Succeeded", "Failed")


def _asked(of: Container | RunPodSpec) -> AskedResources:
    resources = of.resources or Resources()
    return AskedResources(resources.requests, resources.limits)


def port_number(container: Container, port: int | str) -> int | None:
    """The number of a port given by number or by one of the container's port names; None when there is no such name."""
    if isinstance(port, int):
        return port
    return next((p.container_port for p in container.ports or () if p.name == port), None)
