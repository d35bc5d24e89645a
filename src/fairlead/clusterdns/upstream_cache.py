"""A cache of upstream servers' replies: positive and negative answers, refreshed early, served stale.

Only for names outside our own zones: authoritative data is never cached, so a new Service is visible at once. The
    number of replies is bounded; the least recently used one is dropped first. Time is an argument, in seconds from any
    beginning.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from fairlead.clusterdns.names import Name
from fairlead.clusterdns.outside_reply import OutsideReply
from fairlead.clusterdns.records import Rcode

FAILURE_LIFETIME = 5  # seconds that a SERVFAIL is repeated without asking again; RFC 2308 section 7 allows 300
MOMENT = 1.0  # seconds that a prepared reply can be built from a kept one: TTLs are whole seconds
STALE_TTL = 30  # seconds given with a stale answer, RFC 8767 section 4
STALE_PATIENCE = 1.8  # seconds that a client waits for a fresh answer when there is a stale one, RFC 8767 section 5


@dataclass(frozen=True)
class CachePolicy:
    """How long replies are kept, and how many.

    Attributes:
        capacity, denial_capacity: replies with records, and denials; 0 keeps none.
        positive_max, negative_max: seconds that a reply is kept at most, and that clients are told to keep it.
        positive_min, negative_min: seconds that it is kept at least, whatever its TTL.
        failure_for: seconds that a SERVFAIL is repeated.
        prefetch_hits: a reply hit this often, with no gap of ``prefetch_gap`` seconds, is refreshed in the last
            ``prefetch_share`` of its life; 0 never.
        stale_for: seconds past its life that a reply may still be served when no upstream answers; 0 never.
        stale_patience: seconds that a client waits for a fresh answer first; 0 not at all, None until the upstream has
            failed.
        stale_ttl: the TTL that is given with it.
        keeps_ttl: give the TTL of the beginning, however long a reply has been kept.
    """

    capacity: int = 9984
    denial_capacity: int = 9984
    positive_max: int = 3600
    negative_max: int = 1800
    positive_min: int = 0
    negative_min: int = 0
    failure_for: float = FAILURE_LIFETIME
    prefetch_hits: int = 2
    prefetch_gap: float = 60.0
    prefetch_share: float = 0.1
    stale_for: float = 3600
    stale_patience: float | None = STALE_PATIENCE
    stale_ttl: int = STALE_TTL
    keeps_ttl: bool = False

    def bound(self, denies: bool) -> int:
        """The largest TTL that clients get."""
        return self.negative_max if denies else self.positive_max


class CacheKey(NamedTuple):
    """The key of a reply. Clients that ask for DNSSEC records, or for unchecked ones, have separate replies."""

    name: Name
    qtype: int
    dnssec_ok: bool
    checking_disabled: bool


@dataclass
class _Entry:
    reply: OutsideReply
    since: float
    lifetime: float
    last: float
    hits: int = 0


class Hit(NamedTuple):
    """A kept reply. ``refresh``: the caller must fetch it again; ``stale``: it has expired; ``soon``: it was also found
    less than ``MOMENT`` ago."""

    reply: OutsideReply
    age: int
    refresh: bool = False
    stale: bool = False
    soon: bool = False


class UpstreamCache:
    """Replies by key.

    Attributes:
        hits, evictions: how many, by type of reply: ``success`` or ``denial``, as upstream counts them.
    """

    def __init__(self, policy: CachePolicy) -> None:
        self.hits: Counter[str] = Counter()
        self.evictions: Counter[str] = Counter()
        self.misses = 0
        self.policy = policy
        self._entries: dict[bool, OrderedDict[CacheKey, _Entry]] = {False: OrderedDict(), True: OrderedDict()}

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    def find(self, key: CacheKey, now: float) -> Hit | None:
        """The reply for a question, if it is kept and can still be served."""
        for denies, entries in self._entries.items():
            entry = entries.get(key)
            if entry is not None and now - entry.since <= entry.lifetime + self.policy.stale_for:
                entries.move_to_end(key)
                self.hits[_TYPES[denies]] += 1
                return self._hit(entry, now)
            if entry is not None:
                del entries[key]
        self.misses += 1
        return None

    def found_again(self, denies: bool, times: int) -> None:
        """Count this many replies that were sent without a look-up."""
        self.hits[_TYPES[denies]] += times

    def is_fresh(self, key: CacheKey, now: float) -> bool:
        """Whether a reply for a question is kept and within its life; nothing is counted."""
        found = (entries[key] for entries in self._entries.values() if key in entries)
        return any(now - entry.since < entry.lifetime for entry in found)

    def put(self, key: CacheKey, reply: OutsideReply, now: float) -> None:
        """Keep a reply, unless it must not be kept or is truncated."""
        lifetime = self._lifetime(reply)
        if reply.answer.truncated or lifetime <= 0:
            return
        if reply.answer.rcode is Rcode.SERVFAIL and any(key in entries for entries in self._entries.values()):
            return  # even a stale answer is better than a failure
        self._entries[not reply.denies].pop(key, None)
        entries = self._entries[reply.denies]
        entries[key] = _Entry(reply, now, lifetime, now)
        entries.move_to_end(key)
        if len(entries) > (self.policy.denial_capacity if reply.denies else self.policy.capacity):
            entries.popitem(last=False)
            self.evictions[_TYPES[reply.denies]] += 1

    def sizes(self) -> Counter[str]:
        """How many replies are kept, by type."""
        return Counter({_TYPES[denies]: len(entries) for denies, entries in self._entries.items()})

    def _hit(self, entry: _Entry, now: float) -> Hit:
        entry.hits = entry.hits + 1 if now - entry.last < self.policy.prefetch_gap else 1
        soon = now - entry.last < MOMENT
        entry.last = now
        age = now - entry.since
        popular = 0 < self.policy.prefetch_hits <= entry.hits
        ends = age >= entry.lifetime * (1 - self.policy.prefetch_share)
        return Hit(entry.reply, int(age), popular and ends, age >= entry.lifetime, soon)

    def _lifetime(self, reply: OutsideReply) -> float:
        policy, rcode = self.policy, reply.answer.rcode
        if rcode is Rcode.SERVFAIL:
            return policy.failure_for
        if rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return 0
        least = policy.negative_min if reply.denies else policy.positive_min
        capacity = policy.denial_capacity if reply.denies else policy.capacity
        return min(max(reply.lifetime, least), policy.bound(reply.denies)) if capacity else 0


_TYPES = {False: "success", True: "denial"}
