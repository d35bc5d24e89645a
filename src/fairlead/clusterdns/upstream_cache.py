"""What upstream servers said, for as long as they allow: positive and negative answers, refreshed early, served stale.

Only for names outside our own zones: authoritative data is never cached, which is what makes a new Service visible at
once. Bounded by number, the least recently used reply goes first. Time is an argument, in seconds from any beginning.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from fairlead.clusterdns.names import Name
from fairlead.clusterdns.records import Rcode
from fairlead.clusterdns.relayed_reply import Relayed

FAILURE_LIFETIME = 5  # seconds that a SERVFAIL is repeated without asking again; RFC 2308 section 7 allows 300
STALE_TTL = 30  # seconds given with a stale answer, RFC 8767 section 4


@dataclass(frozen=True)
class CachePolicy:
    """How long and how much.

    Attributes:
        capacity: replies in all.
        positive_max, negative_max: seconds that a reply is kept at most, whatever its TTL.
        prefetch_hits: a reply hit this often is refreshed in the last tenth of its life; 0 never.
        stale_for: seconds past its life that a reply may still be served when no upstream answers; 0 never.
    """

    capacity: int = 9984
    positive_max: int = 3600
    negative_max: int = 1800
    prefetch_hits: int = 2
    stale_for: int = 3600


class Key(NamedTuple):
    """What a reply answers. Clients that ask for DNSSEC records, or for unchecked ones, get replies of their own."""

    name: Name
    qtype: int
    dnssec_ok: bool
    checking_disabled: bool


@dataclass
class _Entry:
    relayed: Relayed
    since: float
    lifetime: int
    hits: int = 0


class Hit(NamedTuple):
    """A reply that is kept; ``refresh`` asks the caller to fetch it anew, ``stale`` that it is past its life."""

    relayed: Relayed
    age: int
    refresh: bool
    stale: bool


class UpstreamCache:
    """Replies by what they answer.

    Attributes:
        hits, evictions: how many, by type of reply: ``success`` or ``denial``, as upstream counts them.
    """

    def __init__(self, policy: CachePolicy) -> None:
        self.hits: Counter[str] = Counter()
        self.evictions: Counter[str] = Counter()
        self.misses = 0
        self._policy = policy
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Key, now: float) -> Hit | None:
        """The reply for a question, if it is kept and may be served at all."""
        entry = self._entries.get(key)
        if entry is None:
            self.misses += 1
            return None
        age = now - entry.since
        if age > entry.lifetime + self._policy.stale_for:
            self.misses += 1
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        self.hits[_type_of(entry)] += 1
        entry.hits += 1
        popular = 0 < self._policy.prefetch_hits <= entry.hits
        return Hit(entry.relayed, int(age), popular and age >= entry.lifetime * 0.9, age >= entry.lifetime)

    def put(self, key: Key, relayed: Relayed, now: float) -> None:
        """Keep a reply, unless it says not to be kept or is not whole."""
        lifetime = self._lifetime(relayed)
        if relayed.truncated or lifetime <= 0:
            return
        if relayed.rcode == Rcode.SERVFAIL and key in self._entries:
            return  # an answer, even a stale one, is worth more than a failure
        self._entries[key] = _Entry(relayed, now, lifetime)
        self._entries.move_to_end(key)
        if len(self._entries) > self._policy.capacity:
            _, oldest = self._entries.popitem(last=False)
            self.evictions[_type_of(oldest)] += 1

    def sizes(self) -> Counter[str]:
        """How many replies are kept, by type."""
        return Counter(map(_type_of, self._entries.values()))

    def _lifetime(self, relayed: Relayed) -> int:
        if relayed.rcode == Rcode.SERVFAIL:
            return FAILURE_LIFETIME
        if relayed.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return 0
        return min(relayed.lifetime, self._policy.negative_max if relayed.denies else self._policy.positive_max)


def _type_of(entry: _Entry) -> str:
    return "denial" if entry.relayed.denies else "success"
