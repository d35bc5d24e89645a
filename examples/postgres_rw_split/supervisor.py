"""Runs PostgreSQL in each Pod of the StatefulSet ``db``, as primary or replica.

The member that holds the Lease is primary. It renews the Lease every second, and kills PostgreSQL when it could not for
four. The others follow the holder; when the Lease has been released, or has not changed for five seconds by their own
clocks, they stop following, vote and elect (election.py). A supervisor that dies takes PostgreSQL with it, for they
share a container, and starts again as a replica.

Each step looks at the Lease and does what is next; a step that fails is taken again.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import httpx2
import psycopg
from lightkube import ApiError
from lightkube.resources.coordination_v1 import Lease

from examples.postgres_rw_split.cluster import Cluster, Deposed
from examples.postgres_rw_split.election import Vote, has_diverged, may_lead
from examples.postgres_rw_split.postgres import FOLDER, Postgres, history_of, remove_data, timeline_of

SERVICE = "db"
MEMBERS = [f"{SERVICE}-{ordinal}" for ordinal in range(3)]
STEP = 0.3  # seconds from one look at the Lease to the next
RENEWAL = 1.0
FENCED_AFTER = 4.0  # less than the Lease's five seconds, by more than it takes to kill PostgreSQL
BACK_OFF = 10.0  # for which a primary that died lets the others go first
PATIENCE = 15.0  # for a replica that gets no WAL from a primary, before it takes a fresh copy
STALENESS = 10.0  # for which a replica that gets no WAL is still ready
READY = FOLDER / "ready"  # for the readiness probe
FAILURES = (ApiError, httpx2.HTTPError, psycopg.Error, subprocess.CalledProcessError, Deposed)
NEVER = float("-inf")


class Leave(BaseException):
    """The Pod is being deleted."""


class Supervisor:
    def __init__(self, pod: str, uid: str) -> None:
        self._name = pod
        self._cluster = Cluster(pod, uid)
        self._postgres = Postgres(pod, MEMBERS)
        self._primary = Leadership(self._cluster, self._postgres)
        self._lease = Observed()
        self._promise: Vote | None = None
        self._follows, self._since, self._streamed = "", NEVER, NEVER
        self._candidate_from = NEVER

    def run(self) -> None:
        """Return when the Pod is to end; exit when PostgreSQL has ended, or must."""
        READY.unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, leave)
        self._promise = self._cluster.promise()
        self._cluster.announce_replica()
        try:
            while True:
                self._attempt()
                time.sleep(STEP)
        except Leave:
            self._postgres.stop()
            self._primary.release()

    def _attempt(self) -> None:
        if self._postgres.has_died():
            sys.exit("PostgreSQL has ended")
        try:
            self._step()
        except FAILURES as error:
            print(f"{type(error).__name__}: {error}", flush=True)
        self._show_readiness()

    def _step(self) -> None:
        if self._primary.lease:
            self._primary.step()
            return
        lease = self._cluster.lease()
        self._lease.look(lease, time.monotonic())
        if not self._postgres.has_data():
            self._obtain_data(lease)
        elif not self._postgres.is_started():
            self._postgres.start(source="")
        elif lease is None:
            print("the Lease is gone; nobody may lead until it is restored", flush=True)
        else:
            self._serve(lease)

    def _serve(self, lease: Lease) -> None:
        if lease.spec.holderIdentity == self._cluster.identity:
            self._give_up(lease)
        elif self._lease.is_free(time.monotonic()):
            self._elect(lease)
        elif self._promise is None or self._promise.lease_version != lease.metadata.resourceVersion:
            self._follow(lease)

    def _obtain_data(self, lease: Lease | None) -> None:
        if lease is None and self._name == MEMBERS[0]:
            self._found()
        elif lease and holder_of(lease) not in ("", self._name):
            self._postgres.copy_from(host_of(lease))

    def _found(self) -> None:
        self._postgres.initialise()
        try:
            self._primary.found()
        except Deposed:
            remove_data()  # of another database than the one that is there; they must not vote
            raise

    def _give_up(self, lease: Lease) -> None:
        """This member led when it died. Something was wrong with it, so another member must try first."""
        self._candidate_from = time.monotonic() + BACK_OFF
        self._cluster.release(lease)

    def _elect(self, lease: Lease) -> None:
        self._follow_nobody()
        position = self._postgres.position()
        if position is None:
            return
        version = lease.metadata.resourceVersion
        if self._promise is None or self._promise.lease_version != version:
            self._promise = self._cluster.cast(Vote(version, position))
        if time.monotonic() < self._candidate_from:
            return
        if may_lead(self._promise, self._cluster.votes_of_others(), len(MEMBERS)):
            self._primary.take(lease)

    def _follow(self, lease: Lease) -> None:
        term = f"{lease.spec.holderIdentity} {lease.spec.leaseTransitions}"
        if self._follows != term:
            self._follow_nobody()
            self._join(lease, term)
        elif self._postgres.answers() and self._postgres.is_streaming():
            self._streamed = time.monotonic()
        elif time.monotonic() - max(self._since, self._streamed) > PATIENCE:
            self._follows = ""
            self._postgres.stop()
            self._postgres.copy_from(host_of(lease))

    def _join(self, lease: Lease, term: str) -> None:
        """Follow the holder, once it has become primary; without what only this member has, if there is anything."""
        host = host_of(lease)
        timeline, position = timeline_of(host), self._postgres.position()
        if timeline != lease.spec.leaseTransitions or position is None:
            return
        if has_diverged(position, history_of(host, timeline), timeline):
            print(f"{position} is not in the history of {host}", flush=True)
            self._postgres.stop()
            self._postgres.rewind_to(host)
            self._postgres.start(source=host)
        else:
            self._postgres.follow(host)
        self._follows, self._since = term, time.monotonic()

    def _follow_nobody(self) -> None:
        if self._follows:
            self._postgres.follow("")
            self._follows = ""

    def _show_readiness(self) -> None:
        streams = time.monotonic() - self._streamed < STALENESS
        if (self._primary.lease or streams) and self._postgres.is_started() and self._postgres.answers():
            READY.touch()
        else:
            READY.unlink(missing_ok=True)


class Observed:
    """How long the Lease has been as it is, by this machine's clock; nobody else's is believed."""

    def __init__(self) -> None:
        self._lease: Lease | None = None
        self._since = NEVER

    def look(self, lease: Lease | None, now: float) -> None:
        if version_of(lease) != version_of(self._lease):
            self._since = now
        self._lease = lease

    def is_free(self, now: float) -> bool:
        """Whether there is no holder, or one that does not renew it."""
        spec = self._lease.spec
        return not spec.holderIdentity or now - self._since > spec.leaseDurationSeconds


class Leadership:
    """What a primary does about its Lease.

    Attributes:
        lease: as last written by this member; None while it does not lead.
    """

    def __init__(self, cluster: Cluster, postgres: Postgres) -> None:
        self.lease: Lease | None = None
        self._cluster, self._postgres = cluster, postgres
        self._renewed, self._announced = NEVER, False
        signal.signal(signal.SIGALRM, lambda *_: self._fence("the Lease could not be renewed"))

    def found(self) -> None:
        self._hold(self._cluster.found)
        self._postgres.start(source=None)

    def take(self, lease: Lease) -> None:
        self._hold(lambda: self._cluster.take(lease))
        self._become_primary()

    def step(self) -> None:
        if time.monotonic() - self._renewed > RENEWAL:
            try:
                self._hold(lambda: self._cluster.renew(self.lease))
            except Deposed:
                self._fence("another replica leads")
        if not self._announced:
            self._become_primary()

    def _become_primary(self) -> None:
        if self._postgres.is_standby():
            self._postgres.promote(self.lease.spec.leaseTransitions)
            return
        self._postgres.prepare(os.environ["APP_PASSWORD"])
        self._cluster.announce_primary()
        self._announced = True
        # pg_rewind goes by the last checkpoint, so one of the new timeline should be there soon; but it may take long.
        threading.Thread(target=self._postgres.ask, args=["CHECKPOINT"], daemon=True).start()

    def release(self) -> None:
        if self.lease:
            with suppress(Deposed):
                self._cluster.release(self.lease)

    def _hold(self, write: Callable[[], Lease]) -> None:
        """The time counts from before the write: the others cannot have seen it earlier."""
        started = time.monotonic()
        self.lease = write()
        self._renewed = started
        signal.setitimer(signal.ITIMER_REAL, max(started + FENCED_AFTER - time.monotonic(), 0.001))

    def _fence(self, reason: str) -> NoReturn:
        self._postgres.kill()
        print(f"fenced: {reason}", flush=True)
        os._exit(1)


def holder_of(lease: Lease) -> str:
    return str(lease.spec.holderIdentity).partition("_")[0]


def host_of(lease: Lease) -> str:
    return f"{holder_of(lease)}.{SERVICE}"


def version_of(lease: Lease | None) -> str:
    return lease.metadata.resourceVersion if lease else ""


def leave(*_: object) -> NoReturn:
    raise Leave


if __name__ == "__main__":
    Supervisor(os.environ["POD_NAME"], os.environ["POD_UID"]).run()
