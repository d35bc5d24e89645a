"""The addresses of a lab that has no network of its own: a part of 127.0.0.0/8, which every process of Linux may use.

Each lab has a number N and with it 127.N.0.0/16, so that several stand side by side. 127.0.0.0/16 to 127.31.0.0/16 stay
the machine's: resolvers and databases have habits there. IPv6 has ``::1`` alone, which is not enough for a lab.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from zlib import crc32

from fairlead.labnet.addresses import AddressPlan

FIRST, LAST = 32, 254  # numbers of labs
MAX_NODES = 120  # 127.N.1.0/24 to 127.N.120.0/24 are their Pods'
_SHIFT = 10_000


def loopback_plan(number: int) -> AddressPlan:
    """All addresses of the lab with this number."""
    own = f"127.{number}"
    return AddressPlan(
        underlay=f"{own}.240.0/24",
        switch=f"{own}.240.1",
        outside_network=f"{own}.242.0/24",
        outside=f"{own}.242.10",
        load_balancers=f"{own}.241.0/24",
        services=f"{own}.224.0/20",
        pods=f"{own}.0.0/17",
        pod_gateway=f"{own}.243.1",
        node=own + ".240.{}",
        node_pods=own + ".{}.0/24",
        forwarding="",
    )


def lab_network(number: int) -> str:
    """The whole of a lab's addresses, in CIDR notation."""
    return f"127.{number}.0.0/16"


def network_of(address: str) -> str:
    """The network of the lab that a loopback address could be of; empty for any other address."""
    parsed = ip_address(address)
    return lab_network(parsed.packed[1]) if isinstance(parsed, IPv4Address) and parsed.is_loopback else ""


def numbers_for(name: str) -> Iterator[int]:
    """All numbers, those first that a lab of this name prefers: the same at every start, as long as it is free."""
    count = LAST - FIRST + 1
    start = crc32(name.encode()) % count
    return (FIRST + (start + step) % count for step in range(count))


def is_in(address: str, network: str) -> bool:
    """Whether an IPv4 address lies in a network; no IPv6 address does."""
    parsed = ip_address(address)
    return isinstance(parsed, IPv4Address) and parsed in ip_network(network)


@dataclass(frozen=True)
class PortRule:
    """How ports are numbered where a process may not have all of them (ip(7), ``ip_unprivileged_port_start``).

    Attributes:
        first_free: the first port that may be bound; 0: all may.
    """

    first_free: int = 0

    def bound(self, port: int) -> int:
        """The port that stands for this one on this machine: itself where that may be bound, else 10000 more."""
        return port if port >= self.first_free else port + _SHIFT

    def named(self, port: int) -> int:
        """The port that a port of this machine stands for."""
        return port - _SHIFT if _SHIFT <= port < _SHIFT + self.first_free else port
