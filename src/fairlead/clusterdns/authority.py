"""The published state that every reply is made from: one snapshot, and the version of the zone that goes with it.

Both are replaced together by each change, so no reply straddles two states. Whoever keeps replies ready is told what a
change outdates, before anyone can ask again.
"""

from collections.abc import Callable
from dataclasses import replace

from fairlead.clusterdns.answer import answer, unsynced_answer
from fairlead.clusterdns.changes import Watched, addresses, outdated
from fairlead.clusterdns.records import ANY_CHANGE, Answer, Question, Tag
from fairlead.clusterdns.reverse import all_nodes, count_nodes
from fairlead.clusterdns.zone import Zone
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot

Forget = Callable[[frozenset[Tag]], None]


class Authority:
    """What the server knows. Nothing below the apex is answered until ``finish_sync``."""

    def __init__(self, zone: Zone) -> None:
        self.snapshot = ClusterSnapshot()
        self.zone = zone
        self.synced = False
        self._reverse_nodes = zone.reverse_nodes
        self._listeners: list[Forget] = []
        self._first: dict[tuple[type, ObjectKey], Watched] = {}  # what is known before ``finish_sync``

    def attach(self, forget: Forget) -> None:
        """Have ``forget`` called with what each change outdates."""
        self._listeners.append(forget)

    def change(self, old: Watched | None, new: Watched | None, now: int) -> bool:
        """Publish the state after ``old`` has become ``new``; says whether any answer may differ.

        ``now`` is Unix time in seconds: the serial never falls behind it, so that it also grows across restarts, and
        still grows by one with each of several changes in a second.
        """
        if not self.synced:
            return self._collect(old, new)
        if new is not None:
            self.snapshot = self.snapshot.with_object(new)
        elif old is not None:
            self.snapshot = self.snapshot.without_object(old)
        self._reverse_nodes = count_nodes(self._reverse_nodes, addresses(old), addresses(new))
        tags = outdated(old, new)
        if tags:
            self._publish_zone(now)
            for forget in self._listeners:
                forget(tags | {ANY_CHANGE})
        return bool(tags)

    def finish_sync(self, now: int) -> None:
        """The whole cluster has been read: answer from now on."""
        self.snapshot = ClusterSnapshot.of(self._first.values())
        self._reverse_nodes = all_nodes(map(addresses, self._first.values()))
        self._first = {}
        self.synced = True
        self._publish_zone(now)

    def _collect(self, old: Watched | None, new: Watched | None) -> bool:
        """Before the first answer nobody reads the snapshot: it is made once, of everything, which is much cheaper."""
        if new is not None:
            self._first[type(new), new.key] = new
        elif old is not None:
            self._first.pop((type(old), old.key), None)
        return False

    def _publish_zone(self, now: int) -> None:
        serial = max(self.zone.serial + 1, now)
        self.zone = replace(self.zone, serial=serial, reverse_nodes=self._reverse_nodes)

    def answer(self, question: Question) -> Answer:
        """The answer of this moment."""
        if self.synced:
            return answer(question, self.snapshot, self.zone)
        return unsynced_answer(question, self.zone)
