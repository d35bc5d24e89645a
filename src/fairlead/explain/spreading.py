"""How a change spreads: from the Pod that caused it, through its EndpointSlice, to DNS servers and nodes' rules.

A change is one version of an EndpointSlice. Which Pods caused it follows from what is different in it; when each
station was reached is told by the marks of the parts, which carry the version that they acted on. Where a part tells
nothing (another cluster's, say), the moment stands in at which the API's watch told of it here.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from fairlead.explain.cluster import Ref
from fairlead.explain.documents import at, flag, pairs, rows, text, texts
from fairlead.model.document import Doc
from fairlead.model.marks import Mark, Station
from fairlead.model.objects import SERVICE_NAME_LABEL

MOST_CHANGES = 200
_MOST_MARKS = 4000
_CAUSE_SECONDS = 20.0  # between a change of a Pod and the slice that follows from it


class Row(NamedTuple):
    """A station of a change: seconds from its beginning, and whether the part told them itself."""

    station: Station
    part: str
    began: float
    done: float
    is_told: bool


class Change(NamedTuple):
    """One change on its way.

    Attributes:
        began: Unix time in seconds. causes: what has happened to each Pod, in words.
    """

    id: str
    service: str
    slice: str
    began: float
    causes: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def seconds(self) -> float:
        """Until the last station that is known."""
        return max((row.done for row in self.rows), default=0.0)


class _Heard(NamedTuple):
    """A change of an object as the watch told it."""

    ref: Ref
    version: int
    time: float
    service: str = ""
    causes: tuple[tuple[str, str], ...] = ()  # a Pod, and what has happened to it


class Spread:
    """Puts together what is heard, in whatever order it comes; keeps the newest."""

    def __init__(self) -> None:
        self._slices: deque[_Heard] = deque(maxlen=MOST_CHANGES)
        self._pods: deque[_Heard] = deque(maxlen=MOST_CHANGES * 4)
        self._marks: dict[tuple[Ref, int], dict[tuple[Station, str], Mark]] = {}

    def hear(self, ref: Ref, old: Doc | None, new: Doc | None, now: float) -> bool:
        """Take in a change of an object; whether it is, or may be the cause of, one that is shown."""
        if ref.kind == "Pod":
            self._pods.append(_Heard(ref, _version(new), now))
            return True
        if ref.kind != "EndpointSlice" or new is None:
            return False
        causes = tuple(_differences(old, new))
        if not causes:
            return False
        service = pairs(new, "metadata", "labels").get(SERVICE_NAME_LABEL, "")
        self._slices.append(_Heard(ref, _version(new), now, f"{ref.namespace}/{service}" if service else "", causes))
        return True

    def mark(self, marks: Iterable[Mark]) -> None:
        """Take in what parts have told."""
        for mark in marks:
            key = Ref(mark.kind, mark.namespace, mark.name), mark.version
            if key not in self._marks and len(self._marks) >= _MOST_MARKS:
                del self._marks[next(iter(self._marks))]  # the oldest
            self._marks.setdefault(key, {})[mark.station, mark.part] = mark

    def waits_for(self, part: str, since: float) -> bool:
        """Whether there is a slice, heard since then, whose mark of this DNS server is not here yet."""
        newest = {heard.ref: heard for heard in self._slices if heard.time >= since}
        return any((Station.NAMES, part) not in self._marks_of(h.ref, h.version) for h in newest.values())

    def changes(self) -> list[Change]:
        """All changes, the newest first."""
        return [self._change(heard) for heard in reversed(self._slices)]

    def _marks_of(self, ref: Ref, version: int) -> dict[tuple[Station, str], Mark]:
        return self._marks.get((ref, version), {})

    def _change(self, heard: _Heard) -> Change:
        rows = [*self._of_pods(heard), *self._of_slice(heard)]
        start = min(row.began for row in rows)
        moved = sorted(
            (row._replace(began=row.began - start, done=row.done - start) for row in rows),
            key=lambda row: (list(Station).index(row.station), row.part),
        )
        name = f"{heard.ref.namespace}/{heard.ref.name}"
        causes = tuple(f"{pod} {what}" for pod, what in heard.causes)
        return Change(f"{name}@{heard.version}", heard.service, name, start, causes, tuple(moved))

    def _of_pods(self, heard: _Heard) -> Iterator[Row]:
        """The newest word of each Pod before the slice followed."""
        for pod, _ in heard.causes:
            ref = Ref("Pod", heard.ref.namespace, pod)
            before = [p for p in self._pods if p.ref == ref and p.time <= heard.time + 0.5]
            if not before or heard.time - before[-1].time > _CAUSE_SECONDS:
                continue
            written = self._written(heard)
            marks = [m for p in before for m in self._marks_of(ref, p.version).values()]
            told = [m for m in marks if written - _CAUSE_SECONDS < m.done <= written]
            if told:
                mark = max(told, key=lambda mark: mark.done)
                yield Row(Station.STATUS, f"{pod} · {mark.part}", mark.began, mark.done, True)
            else:
                moment = min(before[-1].time, self._taken_up(heard))
                yield Row(Station.STATUS, pod, moment, moment, False)

    def _written(self, heard: _Heard) -> float:
        marks = self._marks_of(heard.ref, heard.version).values()
        return min((m.done for m in marks if m.station is Station.SLICE), default=heard.time)

    def _taken_up(self, heard: _Heard) -> float:
        """When a controller set out to write the slice: what it writes of was there before."""
        marks = self._marks_of(heard.ref, heard.version).values()
        return min((m.began for m in marks if m.station is Station.SLICE), default=heard.time)

    def _of_slice(self, heard: _Heard) -> Iterator[Row]:
        marks = self._marks_of(heard.ref, heard.version)
        if not any(mark.station is Station.SLICE for mark in marks.values()):
            yield Row(Station.SLICE, "", heard.time, heard.time, False)
        for mark in marks.values():
            yield Row(mark.station, mark.part, mark.began, mark.done, True)


def _version(document: Doc | None) -> int:
    found = text(document, "metadata", "resourceVersion")
    return int(found) if found.isdecimal() else 0


def _differences(old: Doc | None, new: Doc) -> Iterator[tuple[str, str]]:
    """What has happened to each endpoint that differs."""
    before, after = _states(old), _states(new)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield name, _told(before.get(name), after.get(name))


def _told(before: str | None, after: str | None) -> str:
    if after is None:
        return "leaves"
    return f"comes, {after}" if before is None else f"is {after}"


def _states(document: Doc | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for endpoint in rows(document, "endpoints"):
        name = text(endpoint, "targetRef", "name") or next(iter(texts(endpoint, "addresses")), "")
        ready: Any = at(endpoint, "conditions", "ready")
        is_ending = flag(endpoint, "conditions", "terminating")
        found[name] = "ending" if is_ending else "not ready" if ready is False else "ready"
    return found
