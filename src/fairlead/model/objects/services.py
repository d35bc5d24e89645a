"""Services, their ports, and where their load balancers answer."""

from collections.abc import Mapping

import msgspec

from fairlead.model.addresses import canonical_ip
from fairlead.model.objects.metadata import KubeObject, Slim

HEADLESS_LABEL = "service.kubernetes.io/headless"
PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name"

CLUSTER_IP_NONE = "None"


class ServicePort(Slim, frozen=True):
    """One port of a Service. ``target_port`` is a number or the name of a container port."""

    port: int
    name: str = ""
    protocol: str = "TCP"
    target_port: int | str | None = None
    node_port: int = 0
    app_protocol: str | None = None


class ClientIPConfig(Slim, frozen=True):
    """Session affinity time-out, in seconds."""

    timeout_seconds: int = 10800


class SessionAffinityConfig(Slim, frozen=True):
    """Configuration of the ClientIP session affinity."""

    client_ip: ClientIPConfig | None = msgspec.field(default=None, name="clientIP")


class ServiceSpec(Slim, frozen=True):
    """Wanted state of a Service, after the API server's defaulting and allocation."""

    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    cluster_ips: tuple[str, ...] = msgspec.field(default=(), name="clusterIPs")
    ip_families: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    selector: Mapping[str, str] | None = None
    external_name: str = ""
    external_ips: tuple[str, ...] = msgspec.field(default=(), name="externalIPs")
    session_affinity: str = "None"
    session_affinity_config: SessionAffinityConfig | None = None
    external_traffic_policy: str | None = None
    internal_traffic_policy: str | None = None
    traffic_distribution: str | None = None
    health_check_node_port: int = 0
    publish_not_ready_addresses: bool = False
    load_balancer_class: str | None = None
    load_balancer_ip: str = msgspec.field(default="", name="loadBalancerIP")
    load_balancer_source_ranges: tuple[str, ...] = ()


class IngressPoint(Slim, frozen=True):
    """One address at which a load balancer answers; ``ip_mode`` None means VIP."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str | None = None


class LoadBalancerStatus(Slim, frozen=True):
    """An address of a Service's load balancer."""

    ingress: tuple[IngressPoint, ...] = ()


class ServiceStatus(Slim, frozen=True):
    """Observed state of a Service."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class Service(KubeObject, frozen=True):
    """A Service of any type."""

    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()

    @property
    def cluster_ips(self) -> tuple[str, ...]:
        """The virtual IPs, without the "None" of a headless Service; ``clusterIP`` stands in on old objects."""
        ips = self.spec.cluster_ips or ((self.spec.cluster_ip,) if self.spec.cluster_ip else ())
        return tuple(ip for ip in ips if ip != CLUSTER_IP_NONE)

    @property
    def outside_ips(self) -> tuple[str, ...]:
        """The addresses that it wants to be reached at beside its own: external IPs, and its load balancers' IPs."""
        points = self.status.load_balancer.ingress
        if not points and not self.spec.external_ips:
            return ()
        texts = (*self.spec.external_ips, *(point.ip for point in points if point.ip))
        return tuple(dict.fromkeys(ip for text in texts if (ip := canonical_ip(text))))

    @property
    def is_headless(self) -> bool:
        return self.spec.type == "ClusterIP" and self.spec.cluster_ip == CLUSTER_IP_NONE

    @property
    def is_external_name(self) -> bool:
        return self.spec.type == "ExternalName"
