"""How a change spreads: from the Pod that caused it, through its EndpointSlice, to DNS servers and nodes' rules.

A change is one version of an EndpointSlice, a Service or a NetworkPolicy. Its cause follows from its differences. The
marks of the parts say when each station was reached; they carry the version that the part acted on. For a part without
marks (in another cluster, say), the time at which the API's watch delivered it here is used. For changes before the
watch began there are only marks.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.differences import DIFFERENCES, Cause
from fairlead.explain.documents import pairs, text
from fairlead.model.document import Doc
from fairlead.model.marks import Mark, Station
from fairlead.model.objects import SERVICE_NAME_LABEL

MOST_CHANGES = 200
_MOST_MARKS = 4000
_NAMED = ("EndpointSlice", "Service")  # kinds that DNS answers depend on
_BEFORE = "before this page was opened"
_CAUSE_SECONDS = 20.0  # between a change of a Pod and the resulting slice


class StationRow(NamedTuple):
    """A station of a change: seconds from its beginning, and whether the part itself reported them."""

    station: Station
    part: str
    began: float
    done: float
    is_told: bool


class SpreadingChange(NamedTuple):
    """One change in progress.

    Attributes:
        subject: the Service that it is about, or the object itself.
        object: the changed object.
        began: Unix time in seconds. causes: the differences, in words.
    """

    id: str
    subject: str
    object: Ref
    began: float
    causes: tuple[str, ...]
    rows: tuple[StationRow, ...]

    @property
    def seconds(self) -> float:
        """Seconds until the last known station."""
        return max((row.done for row in self.rows), default=0.0)


class _Heard(NamedTuple):
    """A change of an object from the watch."""

    ref: Ref
    version: int
    time: float
    subject: str = ""
    causes: tuple[Cause, ...] = ()


class SpreadingChanges:
    """Combines changes and marks, in any order; keeps the newest."""

    def __init__(self) -> None:
        self._shown: deque[_Heard] = deque(maxlen=MOST_CHANGES)
        self._pods: deque[_Heard] = deque(maxlen=MOST_CHANGES * 4)
        self._marks: dict[tuple[Ref, int], dict[tuple[Station, str], Mark]] = {}

    def hear(self, ref: Ref, old: Doc | None, new: Doc | None, now: float) -> bool:
        """Add a change of an object; returns whether it is shown, or might be the cause of one that is."""
        if ref.kind == "Pod":
            self._pods.append(_Heard(ref, _version(new), now))
            return True
        differences = DIFFERENCES.get(ref.kind)
        if differences is None or new is None:
            return False
        causes = tuple(differences(old, new))
        if causes:
            self._shown.append(_Heard(ref, _version(new), now, _subject(ref, new), causes))
        return bool(causes)

    def remember(self, marks: Iterable[Mark]) -> None:
        """Add marks from before the watch began."""
        known = {(heard.ref, heard.version) for heard in self._shown}
        self.mark(marks := list(marks))
        for mark in marks:
            key = Ref(mark.kind, mark.namespace, mark.name), mark.version
            if mark.station in (Station.SLICE, Station.RULES) and key not in known:
                known.add(key)
                self._shown.append(_Heard(*key, mark.done, _subject(key[0], None), (Cause(_BEFORE),)))

    def place(self, cluster: Cluster) -> None:
        """Set the subjects of remembered changes, by the current objects."""
        for number, heard in enumerate(self._shown):
            if (document := cluster.document(*heard.ref)) is not None:
                self._shown[number] = heard._replace(subject=_subject(heard.ref, document))

    def mark(self, marks: Iterable[Mark]) -> None:
        """Add marks of parts."""
        for mark in marks:
            key = Ref(mark.kind, mark.namespace, mark.name), mark.version
            if key not in self._marks and len(self._marks) >= _MOST_MARKS:
                del self._marks[next(iter(self._marks))]  # the oldest
            self._marks.setdefault(key, {})[mark.station, mark.part] = mark

    def waits_for(self, part: str, since: float) -> bool:
        """Whether a slice that changed since then still lacks the mark of this DNS server."""
        newest = {h.ref: h for h in self._shown if h.time >= since and h.ref.kind in _NAMED}
        return any((Station.NAMES, part) not in self._marks_of(h.ref, h.version) for h in newest.values())

    def changes(self) -> list[SpreadingChange]:
        """All changes, the newest first."""
        return sorted(
            (self._change(heard) for heard in reversed(self._shown)), key=lambda each: each.began, reverse=True
        )

    def _marks_of(self, ref: Ref, version: int) -> dict[tuple[Station, str], Mark]:
        return self._marks.get((ref, version), {})

    def _change(self, heard: _Heard) -> SpreadingChange:
        rows = [*self._of_pods(heard), *self._of_object(heard)]
        start = min(row.began for row in rows)
        moved = sorted(
            (row._replace(began=row.began - start, done=row.done - start) for row in rows),
            key=lambda row: (list(Station).index(row.station), row.part),
        )
        id_ = f"{heard.ref.kind}/{heard.ref.namespace}/{heard.ref.name}@{heard.version}"
        causes = tuple(cause.words for cause in heard.causes)
        return SpreadingChange(id_, heard.subject, heard.ref, start, causes, tuple(moved))

    def _of_pods(self, heard: _Heard) -> Iterator[StationRow]:
        """The newest change of each Pod before the slice's change."""
        for pod in filter(None, (cause.pod for cause in heard.causes)):
            ref = Ref("Pod", heard.ref.namespace, pod)
            before = [p for p in self._pods if p.ref == ref and p.time <= heard.time + 0.5]
            if not before or heard.time - before[-1].time > _CAUSE_SECONDS:
                continue
            written = self._written(heard)
            marks = [m for p in before for m in self._marks_of(ref, p.version).values()]
            told = [m for m in marks if written - _CAUSE_SECONDS < m.done <= written]
            if told:
                mark = max(told, key=lambda mark: mark.done)
                yield StationRow(Station.STATUS, f"{pod} · {mark.part}", mark.began, mark.done, True)
            else:
                moment = min(before[-1].time, self._taken_up(heard))
                yield StationRow(Station.STATUS, pod, moment, moment, False)

    def _written(self, heard: _Heard) -> float:
        marks = self._marks_of(heard.ref, heard.version).values()
        return min((m.done for m in marks if m.station is Station.SLICE), default=heard.time)

    def _taken_up(self, heard: _Heard) -> float:
        """The first time at which a part acted on it: its cause must be earlier."""
        return min((mark.began for mark in self._marks_of(heard.ref, heard.version).values()), default=heard.time)

    def _of_object(self, heard: _Heard) -> Iterator[StationRow]:
        marks = self._marks_of(heard.ref, heard.version)
        first = Station.SLICE if heard.ref.kind == "EndpointSlice" else Station.OBJECT
        if not any(mark.station is first for mark in marks.values()):
            moment = min(heard.time, self._taken_up(heard))
            yield StationRow(first, "", moment, moment, False)
        for mark in marks.values():
            yield StationRow(mark.station, mark.part, mark.began, mark.done, True)


def _version(document: Doc | None) -> int:
    found = text(document, "metadata", "resourceVersion")
    return int(found) if found.isdecimal() else 0


def _subject(ref: Ref, document: Doc | None) -> str:
    """The subject of a change; for a slice without its document, its own name."""
    service = pairs(document, "metadata", "labels").get(SERVICE_NAME_LABEL, "") if document else ""
    if ref.kind == "EndpointSlice" and service:
        return f"{ref.namespace}/{service}"
    return f"{ref.namespace}/{ref.name}" if ref.kind == "Service" else str(ref)
