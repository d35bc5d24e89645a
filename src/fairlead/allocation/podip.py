"""Which address of its node's Pod CIDR a Pod gets: the next free one after the last given out, so that an address rests
as long as possible before another Pod gets it."""

from collections.abc import Container
from ipaddress import ip_address, ip_network
from itertools import chain


class CIDRExhausted(Exception):
    """Every address of the Pod CIDR is taken."""


def next_pod_ip(cidr: str, taken: Container[str], after: str = "") -> str:
    """A free address of ``cidr``, of either family, leaving out the network's first two (itself and, by custom, a
    gateway) and its last.

    Raises:
        CIDRExhausted: there is none.
    """
    network = ip_network(cidr)
    kind = type(network.network_address)
    first, last = int(network.network_address) + 2, int(network.broadcast_address) - 1
    start = int(ip_address(after)) + 1 if after else first
    for candidate in chain(range(start, last + 1), range(first, start)):
        address = str(kind(candidate))
        if address not in taken:
            return address
    raise CIDRExhausted(f"no address left in Pod CIDR {cidr}")
