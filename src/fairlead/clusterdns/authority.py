"""The published state that every reply is built from: one snapshot, and the version of the zone that belongs to it.

Both are replaced together by each change, so no reply mixes two states. A cache of replies learns what a change
outdates before the next question is answered. Objects imported from other clusters are in a separate snapshot.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from fairlead.clusterdns.answer import answer, unsynced_answer
from fairlead.clusterdns.changes import Watched, addresses, outdated
from fairlead.clusterdns.found import ZoneView
from fairlead.clusterdns.records import ANY_CHANGE, Answer, Question, Tag
from fairlead.clusterdns.reverse import all_nodes, count_nodes
from fairlead.clusterdns.zone import Zone
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Namespace
from fairlead.model.snapshot import ClusterSnapshot

Forget = Callable[[frozenset[Tag]], None]


class Authority:
    """The server's data. Names below an apex get no answer until ``finish_sync``."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.synced = False
        self._views: dict[int, tuple[Zone, ZoneView]] = {}
        self._own, self._imported = _Collected(), _Collected()
        self._reverse_nodes = zone.reverse_nodes
        self._listeners: list[Forget] = []

    @property
    def snapshot(self) -> ClusterSnapshot:
        """The cluster without imported objects."""
        return self._own.snapshot

    @property
    def view(self) -> ZoneView:
        """The current view, in the zone that this authority was created with."""
        return self._view(self.zone)

    def view_of(self, settings: Zone) -> ZoneView:
        """The current view, in another zone over the same cluster."""
        known = self._views.get(id(settings))
        if known is None:
            known = settings, self._view(self._published(settings))
            self._views[id(settings)] = known
        return known[1]

    def _view(self, zone: Zone) -> ZoneView:
        if zone.clusterset is None:
            return ZoneView(self._own.snapshot, zone)
        return ZoneView(self._own.snapshot, zone, ZoneView(self._imported.snapshot, zone.imported()))

    def _published(self, settings: Zone) -> Zone:
        own, serial = self.zone.own_addresses, self.zone.serial
        return replace(settings, own_addresses=own, serial=serial, reverse_nodes=self._reverse_nodes)

    def attach(self, forget: Forget) -> None:
        """Register ``forget``, which is called with the keys that each change makes outdated."""
        self._listeners.append(forget)

    def change(self, old: Watched | None, new: Watched | None, now: int, imported: bool = False) -> bool:
        """Publish the state after ``old`` has become ``new``; returns whether any answer might differ.

        ``now`` is Unix time in seconds: the serial never falls behind it, so that it also grows across restarts, and
        still grows by one with each of several changes in a second. ``imported`` marks what ``clusterset`` makes of
        other clusters' objects.
        """
        (self._imported if imported else self._own).take(old, new)
        if isinstance(new or old, Namespace):
            self._imported.take(old, new)  # a Namespace is the same in all clusters of a set, by KEP-1645
        self._views.clear()
        if not self.synced:
            return False
        self._reverse_nodes = count_nodes(self._reverse_nodes, addresses(old), addresses(new))
        tags = outdated(old, new)
        if tags:
            self._publish_zone(now)
            for forget in self._listeners:
                forget(tags | {ANY_CHANGE})
        return bool(tags)

    def finish_sync(self, now: int) -> None:
        """The whole cluster has been read: answer from now on."""
        self._reverse_nodes = all_nodes(map(addresses, (*self._own, *self._imported)))
        for collected in (self._own, self._imported):
            collected.finish()
        self.synced = True
        self._publish_zone(now)

    def reconfigure(self, zone: Zone, now: int) -> None:
        """Use other settings from now on, for the same names; every reply might differ."""
        self.zone = self._published(zone)
        self._publish_zone(now)

    def _publish_zone(self, now: int) -> None:
        serial = max(self.zone.serial + 1, now)
        self.zone = replace(self.zone, serial=serial, reverse_nodes=self._reverse_nodes)
        self._views.clear()

    def answer(self, question: Question) -> Answer:
        """The answer now."""
        return answer(question, self.view) if self.synced else unsynced_answer(question, self.view)


class _Collected:
    """A snapshot built in one step from the first list of all objects, which is much cheaper than object by object.

    No reader needs it before that, so until ``finish`` objects are only collected.
    """

    def __init__(self) -> None:
        self.snapshot = ClusterSnapshot()
        self._first: dict[tuple[type, ObjectKey], Watched] | None = {}

    def __iter__(self) -> Iterator[Watched]:
        """The objects collected before ``finish``."""
        yield from (self._first or {}).values()

    def take(self, old: Watched | None, new: Watched | None) -> None:
        if self._first is not None:
            self._keep(self._first, old, new)
        else:
            self.snapshot = self.snapshot.with_change(old, new)

    def finish(self) -> None:
        """Everything has been read."""
        self.snapshot = ClusterSnapshot.of(self)
        self._first = None

    def _keep(self, first: dict[tuple[type, ObjectKey], Watched], old: Watched | None, new: Watched | None) -> None:
        if new is not None:
            first[type(new), new.key] = new
        elif old is not None:
            first.pop((type(old), old.key), None)
