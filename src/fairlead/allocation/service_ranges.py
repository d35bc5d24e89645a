"""The ranges of virtual IPs that ServiceCIDRs name: which give addresses, and which may go.

Ranges may overlap, since who holds an address is known of each address for itself. A ServiceCIDR that is being deleted
gives no new addresses, and is kept while an address of its would be in no range without it.
Upstream: ``pkg/controller/servicecidrs``, ``pkg/registry/core/service/ipallocator/cidrallocator.go``; KEP-1880.
"""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from fairlead.model.addresses import IPAddress, IPNetwork
from fairlead.model.networking import ServiceCIDR

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
SHORTEST_IPV6_PREFIX = 64  # upstream counts the addresses of a range in 64 bits


def given_ranges(service_cidrs: Iterable[ServiceCIDR]) -> tuple[str, ...]:
    """All ranges that new addresses may be taken from, each once, those of the oldest ServiceCIDR first."""
    giving = [each for each in service_cidrs if each.gives_addresses]
    giving.sort(key=lambda each: (each.metadata.creation_timestamp or "", each.name))
    return tuple(dict.fromkeys(cidr for each in giving for cidr in each.spec.cidrs if _is_usable(ip_network(cidr))))


def _is_usable(network: IPNetwork) -> bool:
    return network.version == 4 or network.prefixlen >= SHORTEST_IPV6_PREFIX


def is_needed(service_cidr: ServiceCIDR, all_: Iterable[ServiceCIDR], addresses: Iterable[str]) -> bool:
    """Whether some of the addresses are in this ServiceCIDR and in no other that stays."""
    own = _networks([service_cidr])
    others = _networks(each for each in all_ if each.key != service_cidr.key and not each.is_terminating)
    held = map(ip_address, addresses)
    return any(_contain(own, address) and not _contain(others, address) for address in held)


def _networks(service_cidrs: Iterable[ServiceCIDR]) -> list[IPNetwork]:
    return [ip_network(cidr) for each in service_cidrs for cidr in each.spec.cidrs]


def _contain(networks: list[IPNetwork], address: IPAddress) -> bool:
    return any(address in network for network in networks)
