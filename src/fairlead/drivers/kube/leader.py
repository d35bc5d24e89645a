"""Works only while it holds a Lease, so that of several replicas one works at a time.

The rules are ``workloads.leader_election``; this module reads and writes the Lease, waits, starts and stops the work.
The work is cancelled when the Lease could not be renewed in time, and begins again when it has been acquired again. A
replica that ends in order gives the Lease back. One that was killed is waited for, unless it can be seen from here that
it has ended.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fairlead.drivers.clock_text import now_micro_text
from fairlead.drivers.kube.client import LEASES, KubeClient
from fairlead.drivers.kube.errors import KubeError, Unreachable
from fairlead.drivers.kube.event_recorder import EventWriter
from fairlead.drivers.linux.replica_name import has_ended
from fairlead.model.decode import DecodeError, decode
from fairlead.model.document import Doc
from fairlead.model.events import EventText
from fairlead.model.objects import Lease, LeaseSpec
from fairlead.workloads.leader_election import (
    DEFAULTS,
    JITTER,
    ObservedLease,
    Timing,
    acquired,
    can_acquire,
    observe,
    released,
)

GOODBYE = 2.0  # seconds for giving the Lease back; a server that does not answer must not hold up an end

_OURS = {each.encode_name for each in msgspec.structs.fields(LeaseSpec)}

log = logging.getLogger(__name__)
_luck = secrets.SystemRandom().random


@dataclass(frozen=True)
class Candidacy:
    """Which Lease, and who wants it.

    Attributes:
        identity: told apart from all other replicas' (``replica_name``).
        is_dead: whether a holder is known to have ended.
    """

    namespace: str
    name: str
    identity: str
    timing: Timing = DEFAULTS
    is_dead: Callable[[str], bool] = field(default=has_ended)

    @property
    def deed(self) -> str:
        return f"hold lease {self.namespace}/{self.name}"


class Elector(Collector):
    """One candidate for a Lease.

    Attributes:
        is_leading: whether the work may be done now.
    """

    def __init__(self, client: KubeClient, candidacy: Candidacy, standing_by: Callable[[str], None]) -> None:
        """``standing_by`` is called with the holder's identity whenever another one is found to be it."""
        self._client, self._me, self._standing_by = client, candidacy, standing_by
        self._seen: ObservedLease | None = None
        self._document: Doc = {}  # of the Lease that was seen, with all that others wrote there
        self._renewed = 0.0  # when the request was sent that took or renewed the Lease last
        self._leader_told = ""
        self.is_leading = False

    @property
    def leader(self) -> str:
        """The holder as far as is known; empty when there is none."""
        return (self._seen.lease.spec.holder_identity or "") if self._seen else ""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Upstream's metric of the same name."""
        text = "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup."
        gauge = GaugeMetricFamily("leader_election_master_status", text, labels=("name",))
        gauge.add_metric((self._me.name,), float(self.is_leading))
        yield gauge

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work whenever the Lease is held, until cancelled. What the work raises ends it."""
        events = EventWriter(self._client)
        writing = asyncio.create_task(events.run())
        try:
            while True:
                await self._acquire()
                self._say(events, "became leader")
                await self._hold(work)
                self._say(events, "stopped leading")
        finally:
            writing.cancel()

    async def _acquire(self) -> None:
        while not await self._try(self._me.timing.renew_deadline):  # noqa: ASYNC110 - what changes is elsewhere
            await asyncio.sleep(self._me.timing.retry * (1 + (JITTER - 1) * _luck()))

    async def _hold(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work until the Lease is lost; gives it back when the work ends."""
        self.is_leading = True
        doing = asyncio.ensure_future(work())
        keeping = asyncio.create_task(self._keep())
        try:
            await asyncio.wait((doing, keeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (doing, keeping):
                task.cancel()
            await asyncio.wait((doing, keeping))
            self.is_leading = False
            await self._give_back()
        for task in (doing, keeping):
            if not task.cancelled():
                task.result()
        log.warning("the lease %s/%s is lost: standing by", self._me.namespace, self._me.name)

    async def _keep(self) -> None:
        """Renew until that has failed for too long, or another process holds the Lease."""
        while True:
            await asyncio.sleep(self._me.timing.retry)
            while not await self._try(self._left()):
                if self._left() <= 0 or self.leader != self._me.identity:
                    return
                await asyncio.sleep(min(self._me.timing.retry, max(self._left(), 0.0)))

    def _left(self) -> float:
        """Seconds until the work must stop unless the Lease is renewed."""
        return self._renewed + self._me.timing.renew_deadline - _now()

    async def _try(self, seconds: float) -> bool:
        """Take or renew the Lease if that may be done; whether it is held now."""
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                return await self._take()
        except (KubeError, Unreachable, DecodeError, TimeoutError) as error:
            if isinstance(error, KubeError) and error.code == 409:
                return False  # another process was faster; the next read will show it
            told = Unreachable("there was no answer in time") if isinstance(error, TimeoutError) else error
            self._client.troubles.met(told, self._me.deed, self._me.deed)
            return False

    async def _take(self) -> bool:
        sent, text = _now(), now_micro_text()
        document = await self._read()
        if document is None:
            spec = acquired(LeaseSpec(), self._me.identity, self._me.timing, text)
            answer = await self._client.create(LEASES.path(self._me.namespace), self._new(spec))
        else:
            self._see(document, sent)
            assert self._seen
            if not can_acquire(self._seen, self._me.identity, sent, self._me.is_dead):
                self._client.troubles.over(self._me.deed)
                self._tell_leader()
                return False
            answer = await self._write(acquired(self._seen.lease.spec, self._me.identity, self._me.timing, text))
        self._see(answer, sent)
        self._renewed, self._leader_told = sent, ""
        self._client.troubles.over(self._me.deed)
        return True

    def _see(self, document: Doc, now: float) -> None:
        self._document, self._seen = document, observe(self._seen, decode(Lease, document), now)

    async def _read(self) -> Doc | None:
        try:
            body = await self._client.get(LEASES.path(self._me.namespace, self._me.name))
        except KubeError as error:
            if error.code != 404:
                raise
            return None
        return msgspec.json.decode(body, type=dict[str, Any])

    async def _write(self, spec: LeaseSpec) -> Doc:
        """Change the Lease as it was seen, and no later version of it; what else it says stays."""
        others = {name: value for name, value in self._document.get("spec", {}).items() if name not in _OURS}
        document = {**self._document, "spec": {**others, **msgspec.to_builtins(spec)}}
        return await self._client.replace(LEASES.path(self._me.namespace, self._me.name), document)

    def _new(self, spec: LeaseSpec) -> Doc:
        return {
            "apiVersion": LEASES.group_version,
            "kind": "Lease",
            "metadata": {"name": self._me.name, "namespace": self._me.namespace},
            "spec": msgspec.to_builtins(spec),
        }

    async def _give_back(self) -> None:
        if self._seen is None or self.leader != self._me.identity:
            return
        with suppress(KubeError, Unreachable, DecodeError, TimeoutError):
            async with asyncio.timeout(GOODBYE):
                self._see(await self._write(released(self._seen.lease.spec, now_micro_text())), _now())

    def _tell_leader(self) -> None:
        if self.leader != self._leader_told:
            self._leader_told = self.leader
            self._standing_by(self.leader)

    def _say(self, events: EventWriter, what: str) -> None:
        if self._seen:
            event = EventText("LeaderElection", f"{self._me.identity} {what}")
            recorder = events.recorder(self._me.name)
            recorder.record(self._seen.lease, LEASES.group_version, "Lease", event)


def _now() -> float:
    return asyncio.get_running_loop().time()
