"""Prepared replies as octets, dropped when the data that they were built from changes.

A reply is filed under everything in its query but the id, so a hit needs no parsing. Memory is bounded by two
generations: when the young one is full it becomes the old one, and the old one is dropped; a repeated question moves
    its reply back. So a flood of random names evicts mostly its own entries and never holds more than twice ``limit``.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from fairlead.clusterdns.records import Rcode, Tag

GENERATION = 32768  # replies; about 600 octets each with their bookkeeping


SIZES = (100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 65535)  # octets, upstream's buckets


class ReplyKind(NamedTuple):
    """Replies that are counted together; sizes are the buckets of upstream's histograms, so that there are few kinds.

    Attributes:
        zone: apex as text, or ``dropped``.
        asked, sent: the buckets' upper bounds in octets.
        dnssec_ok: whether the client asked for DNSSEC records.
        records: in the answer section.
    """

    qtype: int
    rcode: Rcode
    zone: str
    asked: int
    sent: int
    truncated: bool = False
    dnssec_ok: bool = False
    records: int = 0


def bucket(octets: int) -> int:
    """The upper bound of the histogram bucket that a message of this size falls into."""
    return SIZES[bisect_left(SIZES, octets)]


class Prepared:
    """One ready reply: all octets after the id.

    Attributes:
        hits: how often it was sent, not yet counted elsewhere.
        turns: an endless iterator of the same reply with its records in other orders; None if the order does not
            matter.
        counts: receive in the end how often it was sent again.
    """

    __slots__ = ("body", "counts", "hits", "kind", "tags", "turns")

    def __init__(
        self,
        body: bytes,
        kind: ReplyKind,
        tags: frozenset[Tag],
        turns: Iterator[bytes] | None,
        counts: tuple[Callable[[int], None], ...] = (),
    ) -> None:
        self.body = body
        self.kind = kind
        self.tags = tags
        self.turns = turns
        self.counts = counts
        self.hits = 0


class PreparedReplies:
    """Ready replies by query. ``dropped`` is called for each reply that is dropped, so that its hits are not lost."""

    def __init__(self, dropped: Callable[[Prepared], None], limit: int = GENERATION) -> None:
        self.young: dict[bytes, Prepared] = {}
        self._old: dict[bytes, Prepared] = {}
        self._queries: dict[Tag, set[bytes]] = {}
        self._dropped = dropped
        self._limit = limit

    def __len__(self) -> int:
        return len(self.young) + len(self._old)

    def __iter__(self) -> Iterator[Prepared]:
        yield from self.young.values()
        yield from self._old.values()

    def revive(self, query: bytes) -> Prepared | None:
        """A reply of the old generation, moved to the young one; None if there is none."""
        prepared = self._old.pop(query, None)
        if prepared is not None:
            self._place(query, prepared)
        return prepared

    def put(self, query: bytes, prepared: Prepared) -> None:
        """Keep a reply that is not there yet."""
        for tag in prepared.tags:
            self._queries.setdefault(tag, set()).add(query)
        self._place(query, prepared)

    def forget(self, tags: Iterable[Tag]) -> None:
        """Drop the replies that depend on any of these tags, without a look at the others."""
        for query in {query for tag in tags for query in self._queries.get(tag, ())}:
            generation = self.young if query in self.young else self._old
            self._remove(query, generation.pop(query))

    def clear(self) -> None:
        """Forget every reply."""
        for prepared in self:
            self._dropped(prepared)
        self.young.clear()
        self._old.clear()
        self._queries.clear()

    def _place(self, query: bytes, prepared: Prepared) -> None:
        if len(self.young) >= self._limit:
            self._age()
        self.young[query] = prepared

    def _age(self) -> None:
        # The young dictionary stays the same object: the receiving loop holds its look-up method.
        for query, prepared in self._old.items():
            self._remove(query, prepared)
        self._old = dict(self.young)
        self.young.clear()

    def _remove(self, query: bytes, prepared: Prepared) -> None:
        self._dropped(prepared)
        for tag in prepared.tags:
            queries = self._queries[tag]
            queries.discard(query)
            if not queries:
                del self._queries[tag]
