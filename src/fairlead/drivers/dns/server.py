"""The sockets of the DNS server, with the server blocks of each place: UDP and TCP at the same port, or TLS alone."""

import socket
import ssl
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import NamedTuple

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.encoder import UDP_CAP
from fairlead.clusterdns.responder import Responder
from fairlead.clusterdns.server_blocks import Block, ServerBlocks
from fairlead.drivers.dns.listener import Services
from fairlead.drivers.dns.tcp import TcpLimits, TcpListener
from fairlead.drivers.dns.udp import UdpListener

_CLIENTS = {
    "nocert": ssl.CERT_NONE,
    "verify_if_given": ssl.CERT_OPTIONAL,
    "require_and_verify": ssl.CERT_REQUIRED,
}
BACKLOG = 1024  # connections that the kernel holds until they are accepted


class ServedPlace(NamedTuple):
    """An address where DNS is served, and whether over TLS (RFC 7858)."""

    address: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        """Upstream's name for a server."""
        address = "" if ip_address(self.address).is_unspecified else self.address
        host = f"[{address}]" if ":" in address else address
        return f"{'tls' if self.tls else 'dns'}://{host}:{self.port}"


Layout = dict[ServedPlace, tuple[Block, ...]]  # the blocks of each place


def layout_of(blocks: Iterable[Block], addresses: tuple[str, ...]) -> Layout:
    """Which blocks are served where; ``addresses`` are those of blocks that name none."""
    found: dict[ServedPlace, list[Block]] = {}
    for block in blocks:
        for address in block.addresses or addresses:
            for port in block.all_ports:
                found.setdefault(ServedPlace(address, port, port in block.tls_ports), []).append(block)
    return {place: tuple(served) for place, served in found.items()}


class Sockets(NamedTuple):
    """The sockets of one address and port; no UDP socket for TLS."""

    tcp: TcpListener
    udp: UdpListener | None = None

    @property
    def listeners(self) -> Iterator[UdpListener | TcpListener]:
        if self.udp is not None:
            yield self.udp
        yield self.tcp

    def close(self) -> None:
        for listener in self.listeners:
            listener.close()


class DnsServer:
    """UDP and TCP at each place; one responder per socket, so that replies are counted by protocol and family."""

    def __init__(
        self, authority: Authority, services: Services, cap: int = UDP_CAP, limits: TcpLimits | None = None
    ) -> None:
        self.sockets: dict[ServedPlace, Sockets] = {}
        self._authority = authority
        self._services = services
        self._cap = cap
        self._limits = limits

    async def listen(self, layout: Layout, shared: bool = False) -> None:
        """Bind and serve; ``shared`` lets several processes bind the same port (SO_REUSEPORT).

        Raises:
            OSError: a place cannot be bound. What was bound before stays until ``close``.
        """
        for place in layout:
            await self._open(place, layout[place], shared or _is_mixed(place, layout))

    async def relayout(self, layout: Layout, services: Services, cap: int, shared: bool = False) -> None:
        """Serve other blocks, at other places too, from now on.

        Raises:
            OSError: a new place cannot be bound. Everything is as before then.
        """
        added = [place for place in layout if place not in self.sockets]
        renewed = {place: _context(layout[place]) for place in layout if place.tls}
        try:
            for place in added:
                await self._open(place, layout[place], shared or _is_mixed(place, layout))
        except OSError:
            for place in added:
                if sockets := self.sockets.pop(place, None):
                    sockets.close()
            raise
        for place in [known for known in self.sockets if known not in layout]:
            self.sockets.pop(place).close()
        self._services, self._cap = services, cap
        for place, sockets in self.sockets.items():
            if place in renewed and place not in added:
                await sockets.tcp.present(renewed[place])
            served = ServerBlocks(layout[place], self._authority)
            for listener in sockets.listeners:
                listener.services = services
                listener.responder.reconfigure(served, cap)

    def places(self) -> Iterator[tuple[ServedPlace, Sockets]]:
        """What listens where; a port is the one that was bound when any was asked for."""
        for place, sockets in self.sockets.items():
            yield place._replace(port=sockets.tcp.port), sockets

    @property
    def udp(self) -> list[UdpListener]:
        return [sockets.udp for sockets in self.sockets.values() if sockets.udp is not None]

    @property
    def tcp(self) -> list[TcpListener]:
        return [sockets.tcp for sockets in self.sockets.values()]

    @property
    def responders(self) -> Iterator[Responder]:
        """The listeners of all sockets."""
        for sockets in self.sockets.values():
            for listener in sockets.listeners:
                yield listener.responder

    @property
    def port(self) -> int:
        """The port of the first socket: useful when 0 was asked for."""
        return int(self.tcp[0].port)

    def close(self) -> None:
        for sockets in self.sockets.values():
            sockets.close()

    async def _open(self, place: ServedPlace, blocks: tuple[Block, ...], shared: bool) -> None:
        served = ServerBlocks(blocks, self._authority)
        if place.tls:
            context = _context(blocks)
            tcp = _bound(place.address, place.port, socket.SOCK_STREAM, shared)
            sockets = Sockets(TcpListener(tcp, Responder(served, None), self._services, self._limits, context))
        else:
            udp, tcp = _bound_pair(place.address, place.port, shared)
            sockets = Sockets(
                TcpListener(tcp, Responder(served, None), self._services, self._limits),
                UdpListener(udp, Responder(served, self._cap), self._services),
            )
        self.sockets[place] = sockets
        if sockets.udp is not None:
            sockets.udp.start()
        await sockets.tcp.start()


def _context(blocks: tuple[Block, ...]) -> ssl.SSLContext:
    """TLS as the last of the blocks wants it, as upstream has it.

    Raises:
        OSError: a file cannot be read or used.
    """
    certificate = next(block.certificate for block in reversed(blocks) if block.certificate is not None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate.chain, certificate.key)
        context.verify_mode = _CLIENTS[certificate.clients]
        if certificate.authorities:
            context.load_verify_locations(certificate.authorities)
        else:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    except OSError as error:
        raise OSError(f"tls {certificate.chain} {certificate.key}: {error.strerror}") from error
    return context


def _is_mixed(place: ServedPlace, layout: Layout) -> bool:
    """Whether a wildcard and single addresses share a port: the kernel then gives each packet to the closest one."""
    beside = [other for other in layout if other.port == place.port]
    return len(beside) > 1 and any(ip_address(other.address).is_unspecified for other in beside)


def own_addresses(bound: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses that others reach this server at: those bound, loopback left out; a wildcard stands for the
    address that the machine would send from."""
    found = [_source_address(address) if ip_address(address).is_unspecified else address for address in bound]
    return tuple(dict.fromkeys(a for a in found if a and not ip_address(a).is_loopback))


def _source_address(wildcard: str) -> str | None:
    """The source address of a packet to the world; connecting a UDP socket sends nothing."""
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
            made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise OSError(error.errno, f"cannot listen at {address} port {port}: {error.strerror}") from error
    return made
