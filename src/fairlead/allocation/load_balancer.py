"""Addresses of Services of type LoadBalancer, from pools.

Who has which address is written in the Services' own status, nowhere else. An address once given stays as long as it is
in a pool, nobody asks for another, and those that share it may (``shared_addresses``); a Service gets one for each of
its families.
Upstream: ``staging/src/k8s.io/cloud-provider/controllers/service/controller.go`` decides which Services to act on.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from itertools import chain

import msgspec

from fairlead.allocation.shared_addresses import AddressClaim, claim_of, obstacle
from fairlead.model.addresses import family_of, parse_ip
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
CLASS = "fairlead.dev/pool"
ADDRESSES_ANNOTATION = "fairlead.dev/load-balancer-ips"  # one address of each family, with a comma between them

Taken = Mapping[str, Mapping[ObjectKey, AddressClaim]]  # who has each address


class NoAddress(Exception):
    """A Service cannot have an address; the message says why."""


class AddressPool(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Addresses to give away, and to whom.

    Attributes:
        cidrs: networks in CIDR notation. Their own and their broadcast address are not given away.
        namespaces: whose Services may have them; none names all.
        load_balancer_class: for Services of this class; "" is for those that name none, or ``CLASS``.
    """

    cidrs: tuple[str, ...]
    namespaces: tuple[str, ...] = ()
    load_balancer_class: str = ""

    def serves(self, service: Service) -> bool:
        """Whether the Service may have an address from here."""
        is_of_class = (service.spec.load_balancer_class or CLASS) == (self.load_balancer_class or CLASS)
        return is_of_class and (not self.namespaces or service.namespace in self.namespaces)

    def addresses(self, family: str) -> Iterator[str]:
        """All that may be given away, in order; there may be very many."""
        for cidr in self.cidrs:
            network = ip_network(cidr)
            if f"IPv{network.version}" == family:
                yield from map(str, network.hosts())

    def contains(self, address: str) -> bool:
        ip = parse_ip(address)
        return ip is not None and any(ip in ip_network(cidr) for cidr in self.cidrs)


def wants_load_balancer(service: Service, pools: Sequence[AddressPool]) -> bool:
    """Whether the Service gets addresses from here: its class is ours or a pool's, or it names none."""
    ours = {CLASS, *(pool.load_balancer_class for pool in pools)}
    return service.spec.type == "LoadBalancer" and (service.spec.load_balancer_class or CLASS) in ours


def choose_addresses(service: Service, pools: Sequence[AddressPool], taken: Taken) -> tuple[str, ...]:
    """The addresses that the Service gets; those that it has, where they will do.

    Pools of the Service's own namespace come before those of all.

    Raises:
        NoAddress: the one that it asks for is unavailable, or the pools are exhausted.
    """
    serving = sorted((pool for pool in pools if pool.serves(service)), key=lambda pool: not pool.namespaces)
    wanted = _requested_addresses(service)
    return tuple(
        _requested(service, wanted[family], serving, taken)
        if family in wanted
        else _next(service, family, serving, taken)
        for family in service.spec.ip_families or ("IPv4",)
    )


def _requested_addresses(service: Service) -> dict[str, str]:
    """The address that the Service asks for in each family, by its spec or by the annotation."""
    listed = [text.strip() for text in service.annotations.get(ADDRESSES_ANNOTATION, "").split(",") if text.strip()]
    if listed and service.spec.load_balancer_ip:
        raise NoAddress(f"both spec.loadBalancerIP and the annotation {ADDRESSES_ANNOTATION} are set: keep one of them")
    wanted: dict[str, str] = {}
    for text in listed or [ip for ip in (service.spec.load_balancer_ip,) if ip]:
        if parse_ip(text) is None:
            raise NoAddress(f"{text!r} is not an IP address")
        if wanted.setdefault(family_of(text), text) != text:
            raise NoAddress(f"more than one {family_of(text)} address is asked for")
    return wanted


def _next(service: Service, family: str, pools: Sequence[AddressPool], taken: Taken) -> str:
    claim = claim_of(service)
    present = [ip for ip in ingress_ips(service) if family_of(ip) == family and _is_in(pools, ip)]
    shared = [ip for ip in _shared(claim, taken) if family_of(ip) == family and _is_in(pools, ip)]
    candidates = chain(present, shared, *(pool.addresses(family) for pool in pools))
    chosen = next((ip for ip in candidates if _obstacle(claim, ip, taken) is None), None)
    if chosen is None:
        raise NoAddress(f"no {family} address is left in the pools")
    return chosen


def _shared(claim: AddressClaim, taken: Taken) -> list[str]:
    """Addresses of Services that would share them."""
    if not claim.key:
        return []
    return sorted(ip for ip, holders in taken.items() if any(holder.key == claim.key for holder in holders.values()))


def _requested(service: Service, wanted: str, pools: Sequence[AddressPool], taken: Taken) -> str:
    if not _is_in(pools, wanted):
        raise NoAddress(f"the address {wanted} is in no pool")
    if reason := _obstacle(claim_of(service), wanted, taken):
        raise NoAddress(f"the address {wanted} is not free: {reason}")
    return wanted


def conflicts(service: Service, taken: Taken) -> dict[str, str]:
    """The addresses that the Service has and may not have beside others any more, and why."""
    claim = claim_of(service)
    reasons = {ip: _obstacle(claim, ip, taken) for ip in ingress_ips(service)}
    return {ip: reason for ip, reason in reasons.items() if reason}


def _obstacle(claim: AddressClaim, address: str, taken: Taken) -> str | None:
    return obstacle(claim, taken.get(address, {}).values())


def _is_in(pools: Sequence[AddressPool], address: str) -> bool:
    return any(pool.contains(address) for pool in pools)


def ingress_ips(service: Service) -> tuple[str, ...]:
    """The addresses that the status says the Service has."""
    return tuple(point.ip for point in service.status.load_balancer.ingress if point.ip)
