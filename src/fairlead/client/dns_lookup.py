"""A name as endpoints: by its A or AAAA records, or by its SRV records and the addresses of their targets."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import dns.asyncresolver
import dns.name
import dns.resolver
import dns.rrset

from fairlead.client.core.endpoint import Endpoint

_RECORD_TYPES = {"IPv4": "A", "IPv6": "AAAA"}
_UDP_SIZE = 1232  # octets that no path fragments: DNS flag day 2020

Glue = Mapping[tuple[dns.name.Name, str], dns.rrset.RRset]  # additional records by name and type


class FoundEndpoints(NamedTuple):
    """Endpoints, and for how many seconds the answer holds."""

    endpoints: tuple[Endpoint, ...] = ()
    ttl: float = 0.0


class _Addresses(NamedTuple):
    addresses: tuple[str, ...] = ()
    ttl: float = 0.0


class DnsLookup:
    """Asks one resolver.

    Args:
        families: IPv4 and IPv6 in order of preference; the first one that has addresses is used.
    """

    def __init__(self, resolver: dns.asyncresolver.Resolver, families: Sequence[str]) -> None:
        self._resolver = resolver
        self._types = tuple(_RECORD_TYPES[family] for family in families)

    async def by_address(self, name: str, port: int) -> FoundEndpoints:
        """The addresses of the name, each with this port; none when it has no address.

        Raises:
            dns.resolver.NXDOMAIN: there is no such name. dns.exception.DNSException, OSError, EOFError: there is no
                answer.
        """
        found = await self._addresses(name)
        return FoundEndpoints(tuple(Endpoint(address, port) for address in found.addresses), found.ttl)

    async def by_service(self, name: str) -> FoundEndpoints:
        """The endpoints of the SRV records of the name.

        They are asked for over TCP, for the addresses of all targets rarely fit a datagram.

        Raises:
            As ``by_address``.
        """
        try:
            answer = await self._resolver.resolve(name, "SRV", tcp=True, search=True)
        except dns.resolver.NoAnswer:
            return FoundEndpoints()
        glue = {(rrset.name, rrset.rdtype.name): rrset for rrset in answer.response.additional}
        targets = tuple({record.target for record in answer})
        found = dict(zip(targets, await asyncio.gather(*(self._target(t, glue) for t in targets)), strict=True))
        endpoints = tuple(
            Endpoint(address, record.port, record.target.labels[0].decode(), priority=record.priority)
            for record in answer
            for address in found[record.target].addresses
        )
        ttls = [each.ttl for each in found.values() if each.addresses]
        return FoundEndpoints(endpoints, min([answer.chaining_result.minimum_ttl, *ttls]))

    async def _target(self, target: dns.name.Name, glue: Glue) -> _Addresses:
        """The addresses of an SRV target: from the additional section, else looked up."""
        for type_ in self._types:
            if rrset := glue.get((target, type_)):
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


def system_resolver() -> dns.asyncresolver.Resolver:
    """The resolver that ``/etc/resolv.conf`` describes."""
    resolver = dns.asyncresolver.Resolver()
    resolver.use_edns(0, payload=_UDP_SIZE)
    return resolver
