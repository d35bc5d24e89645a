"""Addresses of Services of type LoadBalancer, from pools.

Who has which address is written in the Services' own status, nowhere else. An address once given stays as long as it is
in a pool and nobody asks for another; a Service gets one for each of its families.
Upstream: ``staging/src/k8s.io/cloud-provider/controllers/service/controller.go`` decides which Services to act on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import chain

from fairlead.model.addresses import family_of, parse_ip
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
CLASS = "fairlead.io/pool"

Taken = Mapping[str, ObjectKey]


class NoAddress(Exception):
    """A Service cannot have an address; the message says why."""


@dataclass(frozen=True)
class Pools:
    """Networks in CIDR notation. Their own and their broadcast address are not given away."""

    cidrs: tuple[str, ...]

    def addresses(self, family: str) -> Iterator[str]:
        """All that may be given away, in order; there may be very many."""
        for cidr in self.cidrs:
            network = ip_network(cidr)
            if f"IPv{network.version}" == family:
                yield from map(str, network.hosts())

    def contains(self, address: str) -> bool:
        ip = parse_ip(address)
        return ip is not None and any(ip in ip_network(cidr) for cidr in self.cidrs)


def wants_load_balancer(service: Service) -> bool:
    """Whether the Service shall have addresses from here: its class is ours, or it names none."""
    return service.spec.type == "LoadBalancer" and service.spec.load_balancer_class in (None, CLASS)


def choose_addresses(service: Service, pools: Pools, taken: Taken) -> tuple[str, ...]:
    """The addresses that the Service shall have; those that it has, where they will do.

    Raises:
        NoAddress: the one that it asks for is not to be had, or the pools are exhausted.
    """
    return tuple(_choose(service, family, pools, taken) for family in service.spec.ip_families or ("IPv4",))


def _choose(service: Service, family: str, pools: Pools, taken: Taken) -> str:
    wanted = service.spec.load_balancer_ip
    if wanted and family_of(wanted) == family:
        return _requested(service, wanted, pools, taken)
    present = [ip for ip in ingress_ips(service) if family_of(ip) == family and pools.contains(ip)]
    candidates = chain(present, pools.addresses(family))
    chosen = next((ip for ip in candidates if taken.get(ip, service.key) == service.key), None)
    if chosen is None:
        raise NoAddress(f"no {family} address is left in the pools")
    return chosen


def _requested(service: Service, wanted: str, pools: Pools, taken: Taken) -> str:
    if not pools.contains(wanted):
        raise NoAddress(f"the address {wanted} is in no pool")
    holder = taken.get(wanted, service.key)
    if holder != service.key:
        raise NoAddress(f"the address {wanted} belongs to Service {holder}")
    return wanted


def ingress_ips(service: Service) -> tuple[str, ...]:
    """The addresses that the status says the Service has."""
    return tuple(point.ip for point in service.status.load_balancer.ingress if point.ip)
