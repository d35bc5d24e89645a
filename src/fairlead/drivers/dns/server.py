"""The sockets of the DNS server: UDP and TCP at the same port of each address."""

import socket
from ipaddress import ip_address

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.encoder import UDP_CAP
from fairlead.clusterdns.responder import Responder
from fairlead.drivers.dns.listener import Services
from fairlead.drivers.dns.tcp import TcpListener
from fairlead.drivers.dns.udp import UdpListener


class DnsServer:
    """UDP and TCP on each address; one responder per socket, so that replies are counted by protocol and family."""

    def __init__(self, authority: Authority, services: Services, cap: int = UDP_CAP) -> None:
        self.udp: list[UdpListener] = []
        self.tcp: list[TcpListener] = []
        self._authority = authority
        self._services = services
        self._cap = cap

    async def listen(self, addresses: tuple[str, ...], port: int, shared: bool = False) -> None:
        """Bind and serve; ``shared`` lets several processes bind the same port (SO_REUSEPORT).

        Raises:
            OSError: an address cannot be bound. What was bound before stays until ``close``.
        """
        for address in addresses:
            udp, tcp = _bound_pair(address, port, shared)
            self.udp.append(UdpListener(udp, self._responder(self._cap), self._services))
            self.tcp.append(TcpListener(tcp, self._responder(None), self._services))
            self.udp[-1].start()
            await self.tcp[-1].start()

    def _responder(self, cap: int | None) -> Responder:
        return Responder(self._authority, cap, keep=self._services.log is None)

    def reconfigure(self, services: Services, cap: int) -> None:
        """Serve with other choices from now on, at the same addresses."""
        self._services, self._cap = services, cap
        listeners: list[UdpListener | TcpListener] = [*self.udp, *self.tcp]
        for listener in listeners:
            listener.services = services
            listener.responder.reconfigure(cap, keep=services.log is None)

    @property
    def port(self) -> int:
        """The port of the first socket: useful when 0 was asked for."""
        return int(self.udp[0]._socket.getsockname()[1])

    def close(self) -> None:
        for udp in self.udp:
            udp.close()
        for tcp in self.tcp:
            tcp.close()


def own_addresses(bound: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses that others reach this server at: those bound, loopback left out; a wildcard stands for the
    address that the machine would send from."""
    found = [_source_address(address) if ip_address(address).is_unspecified else address for address in bound]
    return tuple(dict.fromkeys(a for a in found if a and not ip_address(a).is_loopback))


def _source_address(wildcard: str) -> str | None:
    """Where a packet to the world would come from; connecting a UDP socket sends nothing."""
    family, somewhere = (socket.AF_INET6, "2001:db8::1") if ":" in wildcard else (socket.AF_INET, "192.0.2.1")
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((somewhere, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _bound_pair(address: str, port: int, shared: bool) -> tuple[socket.socket, socket.socket]:
    """UDP and TCP at the same port. When any will do, one that is free for both is looked for."""
    for last in (False,) * 9 + (True,) if port == 0 else (True,):
        udp = _bound(address, port, socket.SOCK_DGRAM, shared)
        try:
            return udp, _bound(address, port or udp.getsockname()[1], socket.SOCK_STREAM, shared)
        except OSError:
            udp.close()
            if last:
                raise
    raise AssertionError("the last attempt returns or raises")


def _bound(address: str, port: int, kind: socket.SocketKind, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, kind)
    try:
        if kind is socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family is socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        if kind is socket.SOCK_STREAM:
            made.listen(128)
    except OSError as error:
        made.close()
        raise OSError(error.errno, f"cannot listen at {address} port {port}: {error.strerror}") from error
    return made
