"""What calls of a Pod's programs about addresses mean in a lab without namespaces.

A program believes that it has a network of its own: it listens on every address, on low ports, and asks the name server
that the machine's resolv.conf names. Each of these has something that stands for it on this machine's loopback.
"""

from ipaddress import ip_address
from typing import NamedTuple

from fairlead.labnet.loopback import PortRule, is_in

DNS_PORT = 53

Address = tuple[str, int]


class PodSockets(NamedTuple):
    """A Pod as its sockets see it.

    Attributes:
        own: the Pod's address. network: the lab's, in CIDR notation.
        ports: which port of this machine stands for which.
        nameserver: the cluster's, as it is to be asked on this machine.
        others: the name servers of this machine.
    """

    own: str
    network: str
    ports: PortRule
    nameserver: Address
    others: frozenset[str]

    def to_bind(self, ip: str, port: int) -> Address | None:
        """Where a socket is to be bound instead; None: where the program says."""
        if ip_address(ip).is_unspecified:
            return self.own, self.ports.bound(port) if port else 0
        return self._of_lab(ip, port) if port else None

    def to_connect(self, ip: str, port: int) -> Address | None:
        """Where a socket is to be connected to instead; None: where the program says."""
        if port == DNS_PORT and ip in self.others:
            return self.nameserver
        return self._of_lab(ip, port)

    def is_of_lab(self, ip: str) -> bool:
        """Whether an address is the lab's, so that the Pod's own is to be seen there."""
        return is_in(ip, self.network)

    def _of_lab(self, ip: str, port: int) -> Address | None:
        bound = self.ports.bound(port)
        return (ip, bound) if bound != port and is_in(ip, self.network) else None
