"""Endpoints by DNS: A or AAAA records when the port is a number, SRV records when it is a name.

The set is looked up again when its TTL is over, and at once when a request fails. While DNS does not answer, the last
set stays (RFC 8767: old answers are better than none). A name that does not exist is another matter: so cluster DNS
says that a headless Service has no ready endpoint, and then the set is empty.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

import dns.asyncresolver
import dns.exception
import dns.resolver

from fairlead.client.core.endpoint import Update
from fairlead.client.core.schedule import SHORTEST, pause_after_answer, pause_after_miss
from fairlead.client.dns_lookup import DnsLookup, FoundEndpoints, system_resolver
from fairlead.client.source import FAMILIES


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
        self._name, self._port = name, port
        self._service = f"_{port}._{protocol}.{name}"
        self._lookup = DnsLookup(resolver or system_resolver(), families)

    async def follow(self, doubt: asyncio.Event) -> AsyncGenerator[Update, None]:
        """Tell the set whenever it may have changed: after the TTL, or at once when ``doubt`` is set."""
        misses = 0
        while True:
            doubt.clear()
            update, ttl = await self._look_up()
            yield update
            misses = 0 if update.endpoints else misses + 1
            is_empty = update.endpoints is not None
            await _rest(pause_after_miss(misses, is_empty) if misses else pause_after_answer(ttl), doubt)

    async def _look_up(self) -> tuple[Update, float]:
        """The update, and the seconds for which it is valid."""
        try:
            found = await self._find()
        except dns.resolver.NXDOMAIN:
            return Update((), f"{self._name} is not in DNS: there is no such Service, or none of its Pods is ready"), 0
        except (dns.exception.DNSException, OSError, EOFError) as error:
            return Update(None, f"{self._name} cannot be looked up: {error}"), 0
        return Update(found.endpoints, f"{self._name} has no such record in DNS"), found.ttl

    async def _find(self) -> FoundEndpoints:
        if isinstance(self._port, int):
            return await self._lookup.by_address(self._name, self._port)
        return await self._lookup.by_service(self._service)


async def _rest(pause: float, doubt: asyncio.Event) -> None:
    """Wait, but no longer than until there is doubt; and never less than the shortest pause."""
    await asyncio.sleep(SHORTEST)
    with suppress(TimeoutError):
        async with asyncio.timeout(pause - SHORTEST):
            await doubt.wait()
