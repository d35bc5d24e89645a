"""Pods, as all but their node read them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from fairlead.model.objects.metadata import Condition, KubeObject, Slim, has_true_condition
from fairlead.model.objects.placement import Affinity, Toleration, TopologySpreadConstraint


class PodIP(Slim, frozen=True):
    """One address of a Pod."""

    ip: str


class ContainerPort(Slim, frozen=True):
    """A named or numbered port of a container, and the port of its node that leads to it."""

    container_port: int
    name: str = ""
    protocol: str = "TCP"
    host_port: int = 0
    host_ip: str = msgspec.field(default="", name="hostIP")


class Container(Slim, frozen=True):
    """A container as Service semantics see it: its ports. ``restart_policy`` Always makes an init one a sidecar."""

    name: str
    ports: tuple[ContainerPort, ...] | None = None
    restart_policy: str | None = None


class ClaimSource(Slim, frozen=True):
    """The claim whose volume a Pod uses."""

    claim_name: str = ""


class PodVolume(Slim, frozen=True):
    """A volume of a Pod; claims are all that anybody but its node asks for."""

    persistent_volume_claim: ClaimSource | None = None


class PodSpec(Slim, frozen=True):
    """Wanted state of a Pod."""

    node_name: str = ""
    scheduler_name: str = ""
    scheduling_gates: tuple[Mapping[str, str], ...] | None = None
    hostname: str = ""
    subdomain: str = ""
    host_network: bool = False
    dns_policy: str = "ClusterFirst"
    dns_config: Mapping[str, Any] | None = None  # only its presence is read
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Toleration, ...] | None = None
    affinity: Affinity | None = None
    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] | None = None
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] | None = None
    volumes: tuple[PodVolume, ...] | None = None


class Terminated(Slim, frozen=True):
    """How a container ended."""

    exit_code: int = 0


class WaitingState(Slim, frozen=True):
    """Why a container does not run yet, or not again yet."""

    reason: str = ""
    message: str = ""


class ContainerState(Slim, frozen=True):
    """The state of a container; it runs if it is neither waiting nor terminated."""

    waiting: WaitingState | None = None
    terminated: Terminated | None = None


class ContainerStatus(Slim, frozen=True):
    """Observed state of a container."""

    name: str = ""
    state: ContainerState = ContainerState()
    restart_count: int = 0


class PodStatus(Slim, frozen=True):
    """Observed state of a Pod."""

    phase: str = "Pending"
    pod_ip: str = msgspec.field(default="", name="podIP")
    pod_ips: tuple[PodIP, ...] = msgspec.field(default=(), name="podIPs")
    conditions: tuple[Condition, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(KubeObject, frozen=True):
    """A Pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def ips(self) -> tuple[str, ...]:
        """All addresses of the Pod; ``podIP`` stands in where ``podIPs`` is absent."""
        return tuple(p.ip for p in self.status.pod_ips) or ((self.status.pod_ip,) if self.status.pod_ip else ())

    @property
    def is_ready(self) -> bool:
        return has_true_condition(self.status.conditions, "Ready")

    @property
    def is_finished(self) -> bool:
        return self.status.phase in ("Succeeded", "Failed")
