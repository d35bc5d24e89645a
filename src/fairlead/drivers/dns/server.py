"""The sockets of the DNS server: UDP and TCP at the same port of each address, with the server blocks of that place."""

import socket
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

BACKLOG = 1024  # connections that the kernel holds until they are accepted


class Place(NamedTuple):
    """Where DNS is served."""

    address: str
    port: int


Layout = dict[Place, tuple[Block, ...]]  # the blocks of each place


def layout_of(blocks: Iterable[Block], addresses: tuple[str, ...]) -> Layout:
    """Which blocks are served where; ``addresses`` are those of blocks that name none."""
    found: dict[Place, list[Block]] = {}
    for block in blocks:
        for address in block.addresses or addresses:
            for port in block.ports:
                found.setdefault(Place(address, port), []).append(block)
    return {place: tuple(served) for place, served in found.items()}


class _Pair(NamedTuple):
    udp: UdpListener
    tcp: TcpListener

    def close(self) -> None:
        self.udp.close()
        self.tcp.close()


class DnsServer:
    """UDP and TCP at each place; one responder per socket, so that replies are counted by protocol and family."""

    def __init__(
        self, authority: Authority, services: Services, cap: int = UDP_CAP, limits: TcpLimits | None = None
    ) -> None:
        self._pairs: dict[Place, _Pair] = {}
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
        added = [place for place in layout if place not in self._pairs]
        try:
            for place in added:
                await self._open(place, layout[place], shared or _is_mixed(place, layout))
        except OSError:
            for place in added:
                if pair := self._pairs.pop(place, None):
                    pair.close()
            raise
        for place in [known for known in self._pairs if known not in layout]:
            self._pairs.pop(place).close()
        self._services, self._cap = services, cap
        for place, pair in self._pairs.items():
            served = ServerBlocks(layout[place], self._authority)
            for listener in pair:
                listener.services = services
                listener.responder.reconfigure(served, cap)

    @property
    def udp(self) -> list[UdpListener]:
        return [pair.udp for pair in self._pairs.values()]

    @property
    def tcp(self) -> list[TcpListener]:
        return [pair.tcp for pair in self._pairs.values()]

    @property
    def responders(self) -> Iterator[Responder]:
        """Those of all sockets."""
        for pair in self._pairs.values():
            yield pair.udp.responder
            yield pair.tcp.responder

    @property
    def port(self) -> int:
        """The port of the first socket: useful when 0 was asked for."""
        return int(self.udp[0].port)

    def close(self) -> None:
        for pair in self._pairs.values():
            pair.close()

    async def _open(self, place: Place, blocks: tuple[Block, ...], shared: bool) -> None:
        udp, tcp = _bound_pair(place.address, place.port, shared)
        served = ServerBlocks(blocks, self._authority)
        pair = _Pair(
            UdpListener(udp, Responder(served, self._cap), self._services),
            TcpListener(tcp, Responder(served, None), self._services, self._limits),
        )
        self._pairs[place] = pair
        pair.udp.start()
        await pair.tcp.start()


def _is_mixed(place: Place, layout: Layout) -> bool:
    """Whether a wildcard and single addresses share a port: the kernel then gives each packet to the closest one."""
    beside = [other for other in layout if other.port == place.port]
    return len(beside) > 1 and any(ip_address(other.address).is_unspecified for other in beside)


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
            made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise OSError(error.errno, f"cannot listen at {address} port {port}: {error.strerror}") from error
    return made
