"""Service ports: the parts of a Service that the node proxy forwards, for one IP family.

Decides which Services the proxy ignores (headless, ExternalName, without a virtual IP of the family, or labelled for
another proxy), and on which addresses of the family a Service answers. Rules: upstream's ``pkg/proxy/serviceport.go``,
``pkg/proxy/servicechangetracker.go`` and ``pkg/proxy/util``, with its labels of the Service API reference.
"""

from ipaddress import ip_network
from typing import NamedTuple

import msgspec

from fairlead.dataplane.balancing import EVEN, Balancing, balancing_of
from fairlead.model.addresses import IPFamily, canonical_ip, family_of, without_leading_zeros
from fairlead.model.names import ObjectKey
from fairlead.model.objects import HEADLESS_LABEL, PROXY_NAME_LABEL, Service, ServicePort

DEFAULT_AFFINITY_SECONDS = 10800
EVERYWHERE = ("0.0.0.0/0", "::/0")


class ServicePortName(NamedTuple):
    """The key of a service port: equal port numbers of two protocols are two service ports."""

    service: ObjectKey
    port: str
    protocol: str  # in capitals, as in the API

    def __str__(self) -> str:
        return f"{self.service}:{self.port}" if self.port else str(self.service)


class ForwardedPort(msgspec.Struct, frozen=True, gc=False):
    """One port of a Service as one IP family sees it.

    Attributes:
        source_ranges: CIDRs that may use the load balancer's addresses; empty: no limit.
        affinity_seconds: how long a client stays with its endpoint; None: no affinity.
        balancing: how endpoints are chosen, if annotations request more than an even choice.
        health_check_node_port: port for load balancers' health checks of this node's endpoints; 0: none.
        is_external_local: ``externalTrafficPolicy: Local``. is_internal_local: ``internalTrafficPolicy: Local``.
    """

    name: ServicePortName
    cluster_ip: str
    port: int
    node_port: int = 0
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    affinity_seconds: int | None = None
    balancing: Balancing = EVEN
    health_check_node_port: int = 0
    is_external_local: bool = False
    is_internal_local: bool = False

    @property
    def is_externally_accessible(self) -> bool:
        return bool(self.node_port or self.external_ips or self.load_balancer_ips)

    @property
    def uses_local_endpoints(self) -> bool:
        return self.is_internal_local or (self.is_external_local and self.is_externally_accessible)

    @property
    def uses_cluster_endpoints(self) -> bool:
        """Also true of an external policy Local: pods short-circuit it to all endpoints."""
        return not self.is_internal_local or self.is_externally_accessible


def is_skipped(service: Service) -> bool:
    """Whether this proxy leaves the Service alone altogether."""
    if PROXY_NAME_LABEL in service.labels or HEADLESS_LABEL in service.labels:
        return True
    return service.is_external_name or not service.cluster_ips


def forwarded_ports(service: Service, family: IPFamily) -> tuple[ForwardedPort, ...]:
    """The service ports of a Service in one family; empty when it has no virtual IP there."""
    cluster_ip = _first_of_family(service.cluster_ips, family)
    if is_skipped(service) or cluster_ip is None:
        return ()
    return tuple(_forwarded(service, port, cluster_ip, family) for port in service.spec.ports)


def _forwarded(service: Service, port: ServicePort, cluster_ip: str, family: IPFamily) -> ForwardedPort:
    spec = service.spec
    return ForwardedPort(
        name=ServicePortName(service.key, port.name, port.protocol),
        cluster_ip=cluster_ip,
        port=port.port,
        node_port=port.node_port,
        external_ips=_of_family(spec.external_ips, family),
        load_balancer_ips=_load_balancer_ips(service, family),
        source_ranges=_source_ranges(spec.load_balancer_source_ranges, family),
        affinity_seconds=_affinity(service),
        balancing=balancing_of(service.annotations),
        health_check_node_port=health_check_node_port(service),
        is_external_local=spec.external_traffic_policy == "Local",
        is_internal_local=spec.internal_traffic_policy == "Local",
    )


def _load_balancer_ips(service: Service, family: IPFamily) -> tuple[str, ...]:
    """Addresses to answer for the load balancer; ipMode Proxy means that traffic must go through it (KEP-1860)."""
    ingress = service.status.load_balancer.ingress
    return _of_family(tuple(point.ip for point in ingress if point.ip_mode != "Proxy"), family)


def health_check_node_port(service: Service) -> int:
    """The port where load balancers ask whether this node has endpoints; 0 for Services without such a check."""
    is_asked = service.spec.type == "LoadBalancer" and service.spec.external_traffic_policy == "Local"
    return service.spec.health_check_node_port if is_asked else 0


def _affinity(service: Service) -> int | None:
    if service.spec.session_affinity != "ClientIP":
        return None
    config = service.spec.session_affinity_config
    return config.client_ip.timeout_seconds if config and config.client_ip else DEFAULT_AFFINITY_SECONDS


def _source_ranges(ranges: tuple[str, ...], family: IPFamily) -> tuple[str, ...]:
    """Ranges of the family, normalised; empty if one of them allows all addresses. Old objects can contain spaces."""
    tidy = tuple(network for text in ranges if family_of(text) == family and (network := _network(text)))
    return () if any(network in EVERYWHERE for network in tidy) else tuple(dict.fromkeys(tidy))


def _network(text: str) -> str | None:
    address, slash, length = text.strip().partition("/")
    try:
        return str(ip_network(f"{without_leading_zeros(address)}{slash}{length}", strict=False))
    except ValueError:
        return None


def _of_family(addresses: tuple[str, ...], family: IPFamily) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ip for a in addresses if a and family_of(a) == family and (ip := canonical_ip(a))))


def _first_of_family(addresses: tuple[str, ...], family: IPFamily) -> str | None:
    return next(iter(_of_family(addresses, family)), None)
