"""Asks upstream servers about names outside the zones; dnspython speaks the protocol, the policy is ours.

Every server of a route is tried in turn within one deadline: a reply to another question or with another id is ignored,
a truncated one is asked again over TCP, SERVFAIL sends on to the next server, and a server that keeps failing is probed
in the background until it answers. Whatever happens here, names of the cluster are answered without it. Equal questions
under way share one exchange, and beyond ``concurrent`` exchanges new questions are refused rather than queued.
"""

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from fairlead.clusterdns.encoder import UDP_CAP, encode, encode_error
from fairlead.clusterdns.names import Name, to_text
from fairlead.clusterdns.query import CD, Query
from fairlead.clusterdns.records import Answer, Data, Rcode, RRset, RRType, Target
from fairlead.clusterdns.relayed_reply import Relayed, hand_on, read_reply
from fairlead.clusterdns.responder import Elsewhere, Responder
from fairlead.clusterdns.upstream_cache import STALE_TTL, CachePolicy, Hit, Key, UpstreamCache
from fairlead.clusterdns.upstreams import Health, Route, Server, route_of
from fairlead.drivers.dns.durations import Durations

FORWARDED_ZONE = "."  # zone label of what upstream servers answered
STALE_PATIENCE = 1.8  # seconds that a client waits for a fresh answer when there is a stale one, RFC 8767 section 5
PROBE_SECONDS = 0.5  # between probes of a server that is down, upstream's

_FAULTS = (OSError, EOFError, dns.exception.DNSException)  # an exchange that came to nothing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ForwardOptions:
    """Whom to ask and how hard.

    Attributes:
        timeout: seconds for one exchange with one server.
        deadline: seconds after which a client gets SERVFAIL; below the 5 s at which resolvers ask again.
        concurrent: exchanges at once.
        force_tcp: never ask over UDP.
    """

    routes: tuple[Route, ...] = ()
    cache: CachePolicy = field(default_factory=CachePolicy)
    timeout: float = 2.0
    deadline: float = 4.5
    concurrent: int = 1000
    force_tcp: bool = False


class Overloaded(Exception):
    """As many exchanges are under way as are allowed."""


class NoAnswer(Exception):
    """No server of the route gave a usable reply in time."""


class Forwarder:
    """The world outside, as one ``Forward`` callable. Close it to end its background work.

    Attributes:
        looped: set when a query of our own comes back; may be given, to be shared by several.
        spent: the time of exchanges by server and response code.
        probe_failures: probes of servers that are down, and stay so.
        all_down: exchanges begun when all servers of their route were down.
    """

    def __init__(self, options: ForwardOptions, looped: asyncio.Event | None = None) -> None:
        self.health = Health()
        self.cache = UpstreamCache(options.cache)
        self.looped = looped or asyncio.Event()
        self.spent: dict[tuple[Server, str], Durations] = {}
        self.probe_failures: Counter[Server] = Counter()
        self._loop_name: Name = (secrets.token_hex(8), secrets.token_hex(8))
        self.exchanges = self.stale_answers = self.rejected = self.prefetches = self.all_down = 0
        self.options = options
        self._under_way: dict[Key, asyncio.Task[Relayed | None]] = {}
        self._background: set[asyncio.Task[None]] = set()

    async def __call__(self, elsewhere: Elsewhere, responder: Responder) -> bytes:
        """The reply to a query that the world outside must complete."""
        if elsewhere.query.question.name == self._loop_name:
            self.looped.set()
        rcode, reply = await self._reply(elsewhere)
        responder.count(elsewhere.query, rcode, FORWARDED_ZONE, reply)
        return reply

    def start(self) -> None:
        """Look for loops: whoever sends our own secret name back to us would do so with every other name too."""
        key = Key(self._loop_name, dns.rdatatype.HINFO, False, False)
        for server in {server for route in self.options.routes for server in route.servers}:
            self._in_background(self._tell(server, key))

    async def _tell(self, server: Server, key: Key) -> None:
        try:
            await self._converse(_message_for(key), server)
        except _FAULTS as error:
            log.info("upstream %s: %s", server, error or type(error).__name__)

    def close(self) -> None:
        for task in (*self._background, *self._under_way.values()):
            task.cancel()

    async def complete(self, answer: Answer, query: Query) -> Answer:
        """An answer that ends in an alias to a name outside, with what the world outside says of that name.

        Raises:
            NoAnswer: it says nothing. Overloaded: it was not asked.
        """
        return _completed(answer, await self._look_up(_key_of(answer, query)), query.question.qtype)

    async def _reply(self, elsewhere: Elsewhere) -> tuple[Rcode, bytes]:
        query, answer, limits = elsewhere
        try:
            hit = await self._look_up(_key_of(answer, query))
        except (NoAnswer, Overloaded) as failure:
            rcode = Rcode.REFUSED if isinstance(failure, Overloaded) else Rcode.SERVFAIL
            return rcode, encode_error(query, rcode, limits)
        ttl = STALE_TTL if hit.stale else None
        if answer.answer:
            whole = _completed(answer, hit, query.question.qtype)
            return whole.rcode, encode(query, whole, limits)
        return Rcode.of(hit.relayed.rcode), hand_on(hit.relayed, query, hit.age, limits, ttl)

    async def _look_up(self, key: Key) -> Hit:
        """A reply from the cache or the network; a stale one only when the network gives none soon (RFC 8767)."""
        hit = self.cache.find(key, time.monotonic())
        if hit is None:
            return Hit(await self._fetch(key), 0, refresh=False, stale=False)
        if hit.refresh and not hit.stale:
            self.prefetches += 1
            self._in_background(self._refresh(key))
        return await self._fresh_or(hit, key) if hit.stale else hit

    async def _fresh_or(self, stale: Hit, key: Key) -> Hit:
        with suppress(NoAnswer, TimeoutError):
            relayed = await asyncio.wait_for(self._fetch(key), STALE_PATIENCE)
            if relayed.rcode != Rcode.SERVFAIL:
                return Hit(relayed, 0, refresh=False, stale=False)
        self.stale_answers += 1
        return stale

    async def _refresh(self, key: Key) -> None:
        with suppress(NoAnswer, Overloaded):  # the reply that is kept lives on until its end
            await self._fetch(key)

    async def _fetch(self, key: Key) -> Relayed:
        """One exchange for all who ask the same at the same time."""
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= self.options.concurrent:
                self.rejected += 1
                raise Overloaded
            task = asyncio.get_running_loop().create_task(self._exchange(key))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        relayed = await asyncio.shield(task)
        if relayed is None:
            raise NoAnswer(to_text(key.name))
        return relayed

    async def _exchange(self, key: Key) -> Relayed | None:
        """The first good reply of the route's servers; a SERVFAIL when that is all they say; None for silence."""
        route = route_of(key.name, self.options.routes)
        self.exchanges += 1
        self.all_down += route is not None and all(map(self.health.is_down, route.servers))
        relayed = None
        with suppress(TimeoutError):
            async with asyncio.timeout(self.options.deadline):
                for server in self.health.order(route.servers, self.exchanges) if route else ():
                    relayed = await self._ask(server, key) or relayed
                    if relayed is not None and relayed.rcode != Rcode.SERVFAIL:
                        break
        if relayed is not None:
            self.cache.put(key, relayed, time.monotonic())
        return relayed

    async def _ask(self, server: Server, key: Key) -> Relayed | None:
        query = _message_for(key)
        started = time.perf_counter()
        try:
            reply = await self._converse(query, server)
        except _FAULTS as error:
            log.info("upstream %s: %s: %s", server, to_text(key.name), error or type(error).__name__)
            if self.health.failed(server):
                log.warning("upstream %s is down", server)
                self._in_background(self._probe(server))
            return None
        self.health.succeeded(server)
        spent = self.spent.setdefault((server, dns.rcode.to_text(reply.rcode())), Durations())
        spent.add(time.perf_counter() - started)
        reply.use_edns(False)
        return read_reply(reply.to_wire(max_size=65535))

    async def _converse(self, query: dns.message.Message, server: Server) -> dns.message.Message:
        from dns import asyncquery  # costs most of this module's start-up, and a lab never forwards

        where, port, timeout = server.address, server.port, self.options.timeout
        if self.options.force_tcp:
            return await asyncquery.tcp(query, where, timeout, port)
        reply = await asyncquery.udp(query, where, timeout, port, ignore_unexpected=True, ignore_errors=True)
        if not reply.flags & dns.flags.TC:
            return reply
        try:
            return await asyncquery.tcp(query, where, timeout, port)
        except _FAULTS:
            return reply  # with TC set, so that the client knows that there is more

    async def _probe(self, server: Server) -> None:
        """Ask a server that is down for the root's name servers until it says anything at all."""
        while self.health.is_down(server):
            await asyncio.sleep(PROBE_SECONDS)
            try:
                await self._converse(dns.message.make_query(".", "NS"), server)
            except _FAULTS:
                self.probe_failures[server] += 1
                continue
            self.health.succeeded(server)
            log.warning("upstream %s answers again", server)

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _key_of(answer: Answer, query: Query) -> Key:
    assert answer.outside is not None
    dnssec_ok = query.edns is not None and query.edns.dnssec_ok
    return Key(answer.outside, query.question.qtype, dnssec_ok, bool(query.flags & CD))


def _message_for(key: Key) -> dns.message.Message:
    name = dns.name.Name([label.encode("latin-1") for label in key.name] + [b""])
    query = dns.message.make_query(
        name, dns.rdatatype.RdataType.make(key.qtype), use_edns=0, payload=UDP_CAP, want_dnssec=key.dnssec_ok
    )
    if key.checking_disabled:
        query.flags |= dns.flags.CD
    return query


def _completed(answer: Answer, hit: Hit, qtype: int) -> Answer:
    """An alias of the zone with the records that its target has outside; the target decides the code (RFC 6604)."""
    message = dns.message.from_wire(hit.relayed.octets)
    rrsets = tuple(_rrset(found, hit) for found in message.answer if int(found.rdtype) in (qtype, RRType.CNAME))
    rcode = Rcode.of(hit.relayed.rcode)
    return replace(answer, rcode=rcode, answer=answer.answer + rrsets, outside=None, truncated=hit.relayed.truncated)


def _rrset(found: dns.rrset.RRset, hit: Hit) -> RRset:
    ttl = STALE_TTL if hit.stale else max(found.ttl - hit.age, 0)
    return RRset(_name(found.name), int(found.rdtype), ttl, tuple(_data(rdata) for rdata in found))


def _data(rdata: Any) -> Data:
    return Target(_name(rdata.target)) if rdata.rdtype == RRType.CNAME else rdata.to_wire()


def _name(name: dns.name.Name) -> Name:
    return tuple(label.decode("latin-1").lower() for label in name.labels[:-1])
