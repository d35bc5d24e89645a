"""Endpoints by DNS: A or AAAA records when the port is a number, SRV records when it is a name.

The set is looked up again when its TTL is over, and at once when a request fails. While DNS does not answer, the last
set stays (RFC 8767: old answers are better than none). A name that does not exist is another matter: so cluster DNS
says that a headless Service has no ready endpoint, and then the set is empty.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import NamedTuple

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from fairlead.client.core.endpoint import Endpoint, Update
from fairlead.client.core.schedule import SHORTEST, pause_after_answer, pause_after_miss
from fairlead.client.source import FAMILIES

_RECORD_TYPES = {"IPv4": "A", "IPv6": "AAAA"}
_UDP_SIZE = 1232  # octets that no path fragments: DNS flag day 2020


class _Addresses(NamedTuple):
    """What a name answers with, and for how many seconds that holds."""

    addresses: tuple[str, ...] = ()
    ttl: float = 0.0


class Dns:
    """The endpoints that a name answers with.

    Args:
        name: a name such as ``db.default.svc.cluster.local.``; one without the last dot is tried with the search list.
        port: the number at which endpoints answer; or the name of a port, and SRV records then tell number, name and
            priority of each endpoint.
        protocol: of a named port: tcp, udp or sctp.
        families: IPv4 and IPv6 in order of preference; the first one that has addresses is used.
        resolver: whom to ask; None reads ``/etc/resolv.conf``.
    """

    def __init__(
        self,
        name: str,
        port: int | str,
        *,
        protocol: str = "tcp",
        families: Sequence[str] = FAMILIES,
        resolver: dns.asyncresolver.Resolver | None = None,
    ) -> None:
        self._name, self._port, self._protocol = name, port, protocol
        self._types = tuple(_RECORD_TYPES[family] for family in families)
        self._resolver = resolver or _system_resolver()

    async def follow(self, doubt: asyncio.Event) -> AsyncGenerator[Update, None]:
        misses = 0
        while True:
            doubt.clear()
            update, ttl = await self._look_up()
            yield update
            misses = 0 if update.endpoints else misses + 1
            is_empty = update.endpoints is not None
            await _rest(pause_after_miss(misses, is_empty) if misses else pause_after_answer(ttl), doubt)

    async def _look_up(self) -> tuple[Update, float]:
        """What to tell, and the seconds for which it holds."""
        try:
            if isinstance(self._port, int):
                return await self._by_address(self._port)
            return await self._by_service(f"_{self._port}._{self._protocol}.{self._name}")
        except dns.resolver.NXDOMAIN:
            return Update((), f"{self._name} is not in DNS: there is no such Service, or none of its Pods is ready"), 0
        except (dns.exception.DNSException, OSError, EOFError) as error:
            return Update(None, f"{self._name} cannot be looked up: {error}"), 0

    async def _by_address(self, port: int) -> tuple[Update, float]:
        found = await self._addresses(self._name)
        endpoints = tuple(Endpoint(address, port) for address in found.addresses)
        return Update(endpoints, f"{self._name} has no address in DNS"), found.ttl

    async def _by_service(self, name: str) -> tuple[Update, float]:
        """By SRV records. They are asked for over TCP, for the addresses of all targets rarely fit a datagram."""
        try:
            answer = await self._resolver.resolve(name, "SRV", tcp=True, search=True)
        except dns.resolver.NoAnswer:
            return Update((), f"{name} has no SRV record in DNS"), 0
        targets = {record.target for record in answer}
        found = dict(zip(targets, await asyncio.gather(*(self._target(t, answer) for t in targets)), strict=True))
        endpoints = tuple(
            Endpoint(address, record.port, record.target.labels[0].decode(), priority=record.priority)
            for record in answer
            for address in found[record.target].addresses
        )
        ttls = (answer.chaining_result.minimum_ttl, *(f.ttl for f in found.values() if f.addresses))
        return Update(endpoints, f"no target of {name} has an address in DNS"), min(ttls)

    async def _target(self, target: dns.name.Name, answer: dns.resolver.Answer) -> _Addresses:
        """The addresses of an SRV target: from the additional section, else looked up."""
        for type_ in self._types:
            for rrset in answer.response.additional:
                if (rrset.name, rrset.rdtype.name) == (target, type_):
                    return _Addresses(tuple(record.address for record in rrset), rrset.ttl)
        with suppress(dns.resolver.NXDOMAIN):
            return await self._addresses(target)
        return _Addresses()

    async def _addresses(self, name: str | dns.name.Name) -> _Addresses:
        for type_ in self._types:
            with suppress(dns.resolver.NoAnswer):
                answer = await self._resolver.resolve(name, type_, search=True)
                return _Addresses(tuple(record.address for record in answer), answer.chaining_result.minimum_ttl)
        return _Addresses()


def _system_resolver() -> dns.asyncresolver.Resolver:
    resolver = dns.asyncresolver.Resolver()
    resolver.use_edns(0, payload=_UDP_SIZE)
    return resolver


async def _rest(pause: float, doubt: asyncio.Event) -> None:
    """Wait, but no longer than until there is doubt; and never less than the shortest pause."""
    await asyncio.sleep(SHORTEST)
    with suppress(TimeoutError):
        async with asyncio.timeout(pause - SHORTEST):
            await doubt.wait()
