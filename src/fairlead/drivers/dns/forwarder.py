"""Asks one group of upstream servers; dnspython speaks the protocol, the policy is ours.

The servers are tried in turn within one deadline: a response code that says so sends on to the next server, and one
that keeps failing is probed in the background until it answers. Names of the cluster are answered without any of this.
Equal questions under way share one exchange, and beyond ``concurrent`` exchanges new questions are refused, not queued.
"""

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from fairlead.clusterdns.chain import Ask
from fairlead.clusterdns.names import Name, to_text
from fairlead.clusterdns.outside_reply import OutsideReply, read_reply
from fairlead.clusterdns.records import Answer, Origin, Rcode, Reason
from fairlead.clusterdns.upstream_cache import CacheKey, CachePolicy, Hit, UpstreamCache
from fairlead.clusterdns.upstreams import ServerPolicy, Upstream, UpstreamHealth, UpstreamServer
from fairlead.drivers.dns.durations import Durations
from fairlead.drivers.dns.exchange import FAULTS, Exchanges
from fairlead.drivers.entropy import choose

_ORIGIN = Origin(Reason.UPSTREAM)

log = logging.getLogger(__name__)


class Overloaded(Exception):
    """As many exchanges are under way as are allowed."""


class NoAnswer(Exception):
    """No server gave a usable reply in time; the message says what each of them did."""


class AtHand(NamedTuple):
    """An answer that needs no waiting.

    Attributes:
        soon: it was asked for a moment ago, too.
        given_again: is told how often it was given again without asking here.
    """

    answer: Answer
    soon: bool
    given_again: Callable[[int], None]


class Forwarder:
    """One group of servers. Close it to end its background work.

    Attributes:
        looped: set when a query of our own comes back; may be given, to be shared by several.
        caches: what the servers said, by the policy that it is kept by.
        spent: the time of exchanges by server and response code.
        probe_failures: probes of servers that are down, and stay so.
        all_down: exchanges begun when all servers were down.
    """

    def __init__(self, upstream: Upstream, looped: asyncio.Event | None = None) -> None:
        self.upstream = upstream
        self.health = UpstreamHealth(upstream.max_fails)
        self.caches: dict[CachePolicy, UpstreamCache] = {}
        self.looped = looped or asyncio.Event()
        self.spent: dict[tuple[UpstreamServer, str], Durations] = {}
        self.probe_failures: Counter[UpstreamServer] = Counter()
        self.loop_name: Name = (secrets.token_hex(8), secrets.token_hex(8))
        self.exchanges = self.stale_answers = self.rejected = self.prefetches = self.all_down = 0
        self._conversations = Exchanges(upstream)
        self._under_way: dict[tuple[CacheKey, bool], asyncio.Task[OutsideReply]] = {}
        self._background: set[asyncio.Task[None]] = set()

    def cached(self, ask: Ask) -> AtHand | None:
        """The cached answer; None if a server must be asked."""
        policy, key, now = ask.request.cache, _key_of(ask), time.monotonic()
        if policy is None:
            return None
        cache = self._cache(policy)
        hit = cache.find(key, now) if cache.is_fresh(key, now) else None
        if hit is None:
            return None
        return AtHand(self._from_cache(hit, key, policy), hit.soon, partial(cache.found_again, hit.reply.denies))

    async def __call__(self, ask: Ask) -> Answer:
        """What the servers say; SERVFAIL or REFUSED, with the reason, when that is nothing."""
        if ask.question.name == self.loop_name:
            self.looped.set()
        try:
            async with asyncio.timeout(ask.request.patience):
                return await self._look_up(ask)
        except Overloaded:
            return Answer(Rcode.REFUSED, _ORIGIN, failure="too many questions are under way to upstream servers")
        except (NoAnswer, TimeoutError) as failure:
            return Answer(Rcode.SERVFAIL, _ORIGIN, failure=str(failure) or "no upstream server answered in time")

    def start(self) -> None:
        """Look for loops: a server that sends our own secret name back to us would do so with every other name too."""
        if self.upstream.finds_loops:
            for server in dict.fromkeys(self.upstream.servers):
                self._in_background(self._tell(server))

    def close(self) -> None:
        for task in (*self._background, *self._under_way.values()):
            task.cancel()
        self._conversations.close()

    @property
    def asked(self) -> int:
        """Questions sent to servers."""
        return self._conversations.asked

    async def _tell(self, server: UpstreamServer) -> None:
        try:
            await self._conversations.ask(CacheKey(self.loop_name, dns.rdatatype.HINFO, False, False), server)
        except FAULTS as error:
            log.info("upstream %s: %s", server, error or type(error).__name__)

    def _cache(self, policy: CachePolicy) -> UpstreamCache:
        cache = self.caches.get(policy)
        if cache is None:
            cache = self.caches[policy] = UpstreamCache(policy)
        return cache

    async def _look_up(self, ask: Ask) -> Answer:
        """A reply from the cache or the network; a stale one only when the network gives none soon (RFC 8767)."""
        key, policy = _key_of(ask), ask.request.cache
        over_tcp = self.upstream.follow_client and ask.request.proto == "tcp"
        if policy is None:
            return (await self._fetch(key, over_tcp, None)).answer
        hit = self._cache(policy).find(key, time.monotonic())
        if hit is None:
            fresh = await self._fetch(key, over_tcp, policy)
            return self._handed_on(Hit(fresh, 0), policy)
        if hit.stale:
            return self._handed_on(await self._fresh_or(hit, key, policy), policy)
        return self._from_cache(hit, key, policy)

    def _from_cache(self, hit: Hit, key: CacheKey, policy: CachePolicy) -> Answer:
        """A fresh reply from the cache; a popular one is refreshed before its end."""
        if hit.refresh:
            self.prefetches += 1
            self._in_background(self._refresh(key, policy))
        return self._handed_on(hit, policy)

    def _handed_on(self, hit: Hit, policy: CachePolicy) -> Answer:
        stale_ttl = policy.stale_ttl if hit.stale else None
        age = 0 if policy.keeps_ttl else hit.age
        return hit.reply.aged(age, policy.bound(hit.reply.denies), stale_ttl)

    async def _fresh_or(self, stale: Hit, key: CacheKey, policy: CachePolicy) -> Hit:
        if policy.stale_patience == 0:
            self._in_background(self._refresh(key, policy))
        else:
            with suppress(NoAnswer, TimeoutError):
                fresh = await asyncio.wait_for(self._fetch(key, False, policy), policy.stale_patience)
                if fresh.answer.rcode is not Rcode.SERVFAIL:
                    return Hit(fresh, 0)
        self.stale_answers += 1
        return stale

    async def _refresh(self, key: CacheKey, policy: CachePolicy) -> None:
        with suppress(NoAnswer, Overloaded):  # the reply that is kept lives on until its end
            await self._fetch(key, False, policy)

    async def _fetch(self, key: CacheKey, over_tcp: bool, policy: CachePolicy | None) -> OutsideReply:
        """One exchange for all that ask the same at the same time."""
        task = self._under_way.get((key, over_tcp))
        if task is None:
            if self.upstream.concurrent is not None and len(self._under_way) >= self.upstream.concurrent:
                self.rejected += 1
                raise Overloaded
            task = asyncio.get_running_loop().create_task(self._exchange(key, over_tcp))
            self._under_way[key, over_tcp] = task
            task.add_done_callback(lambda done: self._forget_task(key, over_tcp, done))
        reply = await asyncio.shield(task)
        if policy is not None:
            self._cache(policy).put(key, reply, time.monotonic())
        return reply

    def _forget_task(self, key: CacheKey, over_tcp: bool, task: asyncio.Task[OutsideReply]) -> None:
        self._under_way.pop((key, over_tcp), None)
        if not task.cancelled():
            task.exception()  # told to all that wait; when nobody does any more, it is of no interest

    async def _exchange(self, key: CacheKey, over_tcp: bool) -> OutsideReply:
        """The first good reply; the last bad one when there is no other."""
        self.exchanges += 1
        servers = self._servers()
        reply, said = None, []
        with suppress(TimeoutError):
            async with asyncio.timeout(self.upstream.deadline):
                for server in servers:
                    found = await self._ask(server, key, over_tcp)
                    if isinstance(found, OutsideReply):
                        reply = found
                        if int(found.answer.rcode) not in self.upstream.failover:
                            break
                    else:
                        said.append(f"{server}: {found}")
        if reply is None:
            raise NoAnswer("; ".join(said) or "no upstream server answered in time")
        if reply.answer.rcode is Rcode.SERVFAIL:
            return replace(reply, answer=reply.answer._replace(failure="upstream servers answer SERVFAIL"))
        return reply

    def _servers(self) -> list[UpstreamServer]:
        """The servers to try, in their order.

        Raises:
            NoAnswer: all are down, and then nobody is to be asked.
        """
        down = all(map(self.health.is_down, self.upstream.servers))
        self.all_down += down
        if down and self.upstream.fail_fast:
            raise NoAnswer("all upstream servers are down")
        turns = {
            ServerPolicy.SEQUENTIAL: 0,
            ServerPolicy.ROUND_ROBIN: self.exchanges,
            ServerPolicy.RANDOM: choose(1 << 16),
        }
        ordered = self.health.order(self.upstream.servers, turns[self.upstream.policy])
        return ordered[: self.upstream.attempts or None]

    async def _ask(self, server: UpstreamServer, key: CacheKey, over_tcp: bool) -> OutsideReply | str:
        """A server's reply, or what it did instead."""
        started = time.perf_counter()
        try:
            reply = await self._conversations.ask(key, server, over_tcp)
        except FAULTS as error:
            log.info("upstream %s: %s: %s", server, to_text(key.name), error or type(error).__name__)
            if self.health.failed(server):
                log.warning("upstream %s is down", server)
                self._in_background(self._probe(server))
            return str(error) or type(error).__name__
        self.health.succeeded(server)
        spent = self.spent.setdefault((server, dns.rcode.to_text(reply.rcode())), Durations())
        spent.add(time.perf_counter() - started)
        return read_reply(reply, key.name)

    async def _probe(self, server: UpstreamServer) -> None:
        """Ask a server that is down until it says anything at all."""
        while self.health.is_down(server):
            await asyncio.sleep(self.upstream.probe)
            try:
                await self._conversations.ask(
                    CacheKey(self.upstream.probe_name, dns.rdatatype.NS, False, False), server
                )
            except FAULTS:
                self.probe_failures[server] += 1
                continue
            self.health.succeeded(server)
            log.warning("upstream %s answers again", server)

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _key_of(ask: Ask) -> CacheKey:
    return CacheKey(ask.question.name, ask.question.qtype, ask.request.dnssec_ok, ask.request.checking_disabled)
