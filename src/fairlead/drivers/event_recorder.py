"""Tells users what happened to their objects, by Events: ``kubectl describe`` shows them.

An Event that says the same again is counted up rather than written anew. A lost Event is no failure: whatever goes
wrong is logged and forgotten. Upstream: client-go ``tools/record`` (event.go, events_cache.go).
"""

import logging
import secrets
from typing import Any, NamedTuple

from fairlead.drivers.clock_text import now_text
from fairlead.drivers.kube_client import EVENTS, KubeClient, KubeError, Unreachable
from fairlead.model.objects import KubeObject

REMEMBERED = 1000  # Events that may be counted up; the oldest is forgotten first

log = logging.getLogger(__name__)


class Happening(NamedTuple):
    """What an Event says: a reason in CamelCase for machines, a message for people; ``type`` is Normal or Warning."""

    reason: str
    message: str
    type: str = "Normal"


class _Written(NamedTuple):
    path: str
    times: int


class EventRecorder:
    """Writes Events in the name of one component (``source.component``)."""

    def __init__(self, client: KubeClient, component: str, node: str = "") -> None:
        self._client = client
        self._source = {"component": component, **({"host": node} if node else {})}
        self._written: dict[tuple[str, Happening], _Written] = {}

    async def record(self, about: KubeObject, api_version: str, kind: str, happening: Happening) -> None:
        """Say that something happened to an object. Never raises for the server's sake."""
        key = (about.metadata.uid, happening)
        try:
            if written := self._written.pop(key, None):
                self._written[key] = await self._count_up(written)
            else:
                self._written[key] = await self._write(self._document(about, api_version, kind, happening))
        except (KubeError, Unreachable) as error:
            log.info("the event %s of %s %s was not written: %s", happening.reason, kind, about.key, error)
        if len(self._written) > REMEMBERED:
            del self._written[next(iter(self._written))]

    async def _write(self, document: dict[str, Any]) -> _Written:
        metadata = document["metadata"]
        await self._client.create(EVENTS.path(metadata["namespace"]), document)
        return _Written(EVENTS.path(metadata["namespace"], metadata["name"]), 1)

    async def _count_up(self, written: _Written) -> _Written:
        times = written.times + 1
        await self._client.patch(written.path, {"count": times, "lastTimestamp": now_text()})
        return _Written(written.path, times)

    def _document(self, about: KubeObject, api_version: str, kind: str, happening: Happening) -> dict[str, Any]:
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
            **happening._asdict(),
            "source": self._source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "reportingComponent": self._source["component"],
            "reportingInstance": self._source.get("host", ""),
        }
