"""The published state that every reply is made from: one snapshot, and the version of the zone that goes with it.

Both are replaced together by each change, so no reply straddles two states. Whoever keeps replies ready is told what a
change outdates, before anyone can ask again.
"""

from collections.abc import Callable
from dataclasses import replace

from fairlead.clusterdns.answer import answer, unsynced_answer
from fairlead.clusterdns.changes import Watched, addresses, outdated
from fairlead.clusterdns.records import ANY_CHANGE, Answer, Question, Tag
from fairlead.clusterdns.reverse import count_nodes
from fairlead.clusterdns.zone import Zone
from fairlead.model.snapshot import ClusterSnapshot

Forget = Callable[[frozenset[Tag]], None]


class Authority:
    """What the server knows. Nothing below the apex is answered until ``synced`` is set."""

    def __init__(self, zone: Zone) -> None:
        self.snapshot = ClusterSnapshot()
        self.zone = zone
        self.synced = False
        self._listeners: list[Forget] = []

    def attach(self, forget: Forget) -> None:
        """Have ``forget`` called with what each change outdates."""
        self._listeners.append(forget)

    def change(self, old: Watched | None, new: Watched | None, now: int) -> bool:
        """Publish the state after ``old`` has become ``new``; says whether any answer may differ.

        ``now`` is Unix time in seconds: the serial never falls behind it, so that it also grows across restarts, and
        still grows by one with each of several changes in a second.
        """
        if new is not None:
            self.snapshot = self.snapshot.with_object(new)
        elif old is not None:
            self.snapshot = self.snapshot.without_object(old)
        tags = outdated(old, new)
        if not tags:
            return False
        nodes = count_nodes(self.zone.reverse_nodes, addresses(old), addresses(new))
        self.zone = replace(self.zone, serial=max(self.zone.serial + 1, now), reverse_nodes=nodes)
        for forget in self._listeners:
            forget(tags | {ANY_CHANGE})
        return True

    def answer(self, question: Question) -> Answer:
        """The answer of this moment."""
        if self.synced:
            return answer(question, self.snapshot, self.zone)
        return unsynced_answer(question, self.zone)
