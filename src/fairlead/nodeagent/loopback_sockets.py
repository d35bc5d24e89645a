"""The translation of a Pod's socket calls with addresses in a lab without namespaces.

A program assumes that it has its own network: it listens on every address, on low ports, and queries the name server
in the machine's resolv.conf. Each of these addresses has a replacement on this machine's loopback.
"""

from ipaddress import ip_address
from typing import NamedTuple

from fairlead.labnet.loopback import PortRule, is_in

DNS_PORT = 53

Address = tuple[str, int]


class PodSockets(NamedTuple):
    """A Pod as its sockets see it.

    Attributes:
        own: the Pod's address. network: the lab's network, in CIDR notation.
        ports: the replacement of each port on this machine.
        nameserver: the address of the cluster's name server on this machine.
        others: the name servers of this machine.
    """

    own: str
    network: str
    ports: PortRule
    nameserver: Address
    others: frozenset[str]

    def to_bind(self, ip: str, port: int) -> Address | None:
        """The address to bind a socket to instead; None: the program's own."""
        if ip_address(ip).is_unspecified:
            return self.own, self.ports.bound(port) if port else 0
        return self._of_lab(ip, port) if port else None

    def to_connect(self, ip: str, port: int) -> Address | None:
        """The address to connect a socket to instead; None: the program's own."""
        if port == DNS_PORT and ip in self.others:
            return self.nameserver
        return self._of_lab(ip, port)

    def is_of_lab(self, ip: str) -> bool:
        """Whether an address is the lab's, so that the Pod's own is to be seen there."""
        return is_in(ip, self.network)

    def _of_lab(self, ip: str, port: int) -> Address | None:
        bound = self.ports.bound(port)
        return (ip, bound) if bound != port and is_in(ip, self.network) else None
