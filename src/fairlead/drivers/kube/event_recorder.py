"""Tells users what happened to their objects, by Events: ``kubectl describe`` shows them.

An Event that says the same again is counted up rather than written again. Nobody waits for an Event, and a lost one is
no failure: they are written one after the other in the background. One that the server cannot take now (it is away, its
disk is full) is tried again for two minutes; one that it refuses is logged and forgotten. So are those beyond a bound:
about one object, and, of what goes as it should, of a whole process that says so.
Upstream: client-go ``tools/record`` (event.go, events_cache.go).
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube.client import EVENTS, KubeClient, KubeError, Unreachable
from fairlead.model.events import EventText
from fairlead.model.objects import KubeObject

REMEMBERED = 1000  # Events that may be counted up; the oldest is forgotten first
WAITING = 1000  # Events to be written; the oldest is lost first
AGAIN_AFTER = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0)  # seconds, of an Event that the server cannot take now
SERVER_FAULT = 500  # from which HTTP status on it is the server that has a trouble

log = logging.getLogger(__name__)


class EventBudget(NamedTuple):
    """How many Events there may be at once, and how many more each second."""

    burst: float
    per_second: float


OF_OBJECT = EventBudget(25, 1 / 300)  # as upstream's spam filter, which counts those of each component and object


class _Tokens(NamedTuple):
    left: float
    at: float

    def after(self, now: float, allowance: EventBudget) -> "_Tokens":
        """The tokens now, if none is taken."""
        return _Tokens(min(allowance.burst, self.left + (now - self.at) * allowance.per_second), now)


class _Written(NamedTuple):
    path: str
    times: int


class _Report(NamedTuple):
    component: str
    about: KubeObject
    api_version: str
    kind: str
    event: EventText


class EventWriter:
    """Writes the Events of all components of a process.

    Args:
        routine: how many Normal ones there may be, of the whole process; any number when None.
        clock: seconds, only going forward.
    """

    def __init__(
        self, client: KubeClient, routine: EventBudget | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client, self._routine, self._clock = client, routine, clock
        self._tokens: dict[str, _Tokens] = {}  # by component and UID of the object, of Normal ones by nothing
        self._written: dict[tuple[str, EventText], _Written] = {}
        self._waiting: asyncio.Queue[_Report] = asyncio.Queue()

    def recorder(self, component: str) -> "EventRecorder":
        """The recorder of a component (``source.component``)."""
        return EventRecorder(self, component)

    def add(self, report: _Report) -> None:
        """Ask for an Event; the oldest that waits is given up when there are too many."""
        if not self._may_write(report):
            return
        if self._waiting.qsize() >= WAITING:
            self._waiting.get_nowait()
        self._waiting.put_nowait(report)

    def _may_write(self, report: _Report) -> bool:
        if not self._take(f"{report.component}/{report.about.metadata.uid}", OF_OBJECT):
            return False
        return self._routine is None or report.event.type != "Normal" or self._take("", self._routine)

    def _take(self, key: str, allowance: EventBudget) -> bool:
        """Take a token, if there is one; the objects that were longest not spoken of are forgotten."""
        now = self._clock()
        left = self._tokens.pop(key, _Tokens(allowance.burst, now)).after(now, allowance)
        self._tokens[key] = left._replace(left=left.left - 1) if left.left >= 1 else left
        if len(self._tokens) > REMEMBERED:
            del self._tokens[next(iter(self._tokens))]
        return left.left >= 1

    async def run(self) -> None:
        """Write Events until cancelled."""
        while True:
            report = await self._waiting.get()
            for pause in (0.0, *AGAIN_AFTER):
                await asyncio.sleep(pause)
                if await self._is_settled(report):
                    break

    async def _is_settled(self, report: _Report) -> bool:
        """Write an Event; False when it is worth another attempt."""
        key = (report.about.metadata.uid, report.event)
        try:
            if written := self._written.pop(key, None):
                self._written[key] = await self._count_up(written)
            else:
                self._written[key] = await self._write(_document(report))
        except (KubeError, Unreachable) as error:
            if isinstance(error, KubeError) and error.code == 403:
                self._client.troubles.met(error, "write events", f"events of {report.component}")
            log.info("event %s of %s %s not written: %s", report.event.reason, report.kind, report.about.key, error)
            return isinstance(error, KubeError) and error.code < SERVER_FAULT
        if len(self._written) > REMEMBERED:
            del self._written[next(iter(self._written))]
        return True

    async def _write(self, document: dict[str, Any]) -> _Written:
        metadata = document["metadata"]
        await self._client.create(EVENTS.path(metadata["namespace"]), document)
        return _Written(EVENTS.path(metadata["namespace"], metadata["name"]), 1)

    async def _count_up(self, written: _Written) -> _Written:
        times = written.times + 1
        await self._client.patch(written.path, {"count": times, "lastTimestamp": now_text()})
        return _Written(written.path, times)


class EventRecorder:
    """Says what happened in the name of one component."""

    def __init__(self, writer: EventWriter, component: str) -> None:
        self._writer, self._component = writer, component

    def record(self, about: KubeObject, api_version: str, kind: str, event: EventText) -> None:
        """Say that something happened to an object."""
        self._writer.add(_Report(self._component, about, api_version, kind, event))


def _document(report: _Report) -> dict[str, Any]:
    component, about, api_version, kind, event = report
    now = now_text()
    namespace = about.namespace or "default"  # Events of cluster-scoped objects live there
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about.name}.{secrets.token_hex(8)}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": api_version,
            "kind": kind,
            "name": about.name,
            "namespace": about.namespace,
            "uid": about.metadata.uid,
            "resourceVersion": about.metadata.resource_version,
        },
        **event._asdict(),
        "source": {"component": component},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "reportingComponent": component,
        "reportingInstance": "",
    }
