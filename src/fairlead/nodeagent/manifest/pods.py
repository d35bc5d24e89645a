"""The Pod as a whole: its specification, network settings and last published status."""

from typing import Any

import msgspec

from fairlead.model.objects import Condition, KubeObject, PodIP, Slim
from fairlead.model.qos import AskedResources, qos_class
from fairlead.nodeagent.manifest.containers import Container, Resources, SecurityContext
from fairlead.nodeagent.manifest.variables import SourceReference
from fairlead.nodeagent.manifest.volumes import Volume


class PodSecurityContext(SecurityContext, frozen=True):
    """The user and groups of a Pod's containers. ``fs_group`` also owns the Pod's volumes."""

    fs_group: int | None = None
    supplemental_groups: tuple[int, ...] | None = None
    supplemental_groups_policy: str | None = None
    sysctls: tuple[dict[str, Any], ...] | None = None


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
        """Its own host name, or its node's with ``hostNetwork``; ``hostnameOverride`` takes precedence."""
        if self.spec.hostname_override:
            return self.spec.hostname_override
        if self.spec.host_network:
            return self.spec.node_name
        return self.spec.hostname or self.name[:63].rstrip("-.")

    @property
    def qos_class(self) -> str:
        """The QoS class from the status, or the one that the API server would set."""
        return self.status.qos_class or qos_class(
            map(_resources_of, (*self.spec.containers, *(self.spec.init_containers or ()))),
            _resources_of(self.spec),
        )

    @property
    def is_finished(self) -> bool:
        return self.status.phase in ("Succeeded", "Failed")


def _resources_of(of: Container | RunPodSpec) -> AskedResources:
    resources = of.resources or Resources()
    return AskedResources(resources.requests, resources.limits)
