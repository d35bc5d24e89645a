"""What the members know of each other through the API: a Lease, votes as annotations of their Pods, roles as labels.

The Lease is changed by compare-and-swap on its resourceVersion, so of two that take it at one version, one is refused.
Its ``leaseTransitions`` count the primaries; the number is the timeline on which each of them writes.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from httpx2 import Timeout
from lightkube import ApiError, Client
from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import Pod

from examples.postgres_rw_split.election import Position, Vote

NAME = "db"
SELECTOR = {"app": "db"}
VOTE = "postgres-rw-split/vote"
LEASE_SECONDS = 5
CONFLICT, NOT_FOUND = 409, 404


class Deposed(Exception):
    """Another process has changed the Lease."""


class Cluster:
    """The API as this Pod sees it.

    Attributes:
        identity: this life of this Pod; its successor of the same name has other data, and so another identity.
    """

    def __init__(self, pod: str, uid: str) -> None:
        self._pod, self.identity = pod, f"{pod}_{uid}"
        self._client = Client(timeout=Timeout(2.0))

    def lease(self) -> Lease | None:
        try:
            return self._client.get(Lease, NAME)
        except ApiError as error:
            if error.status.code == NOT_FOUND:
                return None
            raise

    def found(self) -> Lease:
        """Make the Lease, as the first primary. Raises Deposed: there is one already."""
        spec = LeaseSpec(self._now(), self.identity, LEASE_SECONDS, leaseTransitions=1, renewTime=self._now())
        return self._write(self._client.create, Lease(metadata=ObjectMeta(name=NAME), spec=spec))

    def take(self, lease: Lease) -> Lease:
        """Become the holder, if the Lease is still at this version. Raises Deposed: it is not."""
        lease.spec.holderIdentity = self.identity
        lease.spec.leaseTransitions += 1
        lease.spec.acquireTime = self._now()
        return self._replace(lease)

    def renew(self, lease: Lease) -> Lease:
        """Raises Deposed: another process has changed the Lease."""
        try:
            return self._replace(lease)
        except Deposed:
            now = self.lease()  # an earlier renewal may have been written although its answer was lost
            if now is None or now.spec.holderIdentity != self.identity:
                raise
            return self._replace(now)

    def release(self, lease: Lease) -> Lease:
        """Raises Deposed: the Lease is at another version."""
        lease.spec.holderIdentity = ""
        return self._replace(lease)

    def promise(self) -> Vote | None:
        """The last vote of this member, which binds it after a restart too."""
        return _vote_of(self._client.get(Pod, self._pod))

    def cast(self, vote: Vote) -> Vote:
        self._client.patch(Pod, self._pod, {"metadata": {"annotations": {VOTE: json.dumps(vote)}}})
        return vote

    def votes_of_others(self) -> list[Vote]:
        pods = self._client.list(Pod, labels=SELECTOR)
        return [vote for pod in pods if pod.metadata.name != self._pod and (vote := _vote_of(pod))]

    def announce_primary(self) -> None:
        """Label every member; the former primary first, so that there are never two."""
        for pod in self._client.list(Pod, labels=SELECTOR):
            if pod.metadata.name != self._pod:
                self._label(pod.metadata.name, "replica")
        self._label(self._pod, "primary")

    def announce_replica(self) -> None:
        self._label(self._pod, "replica")

    def _label(self, pod: str, role: str) -> None:
        self._client.patch(Pod, pod, {"metadata": {"labels": {"role": role}}})

    def _replace(self, lease: Lease) -> Lease:
        lease.spec.renewTime = self._now()
        return self._write(self._client.replace, lease)

    def _write(self, write: Callable[[Lease], Lease], lease: Lease) -> Lease:
        try:
            return write(lease)
        except ApiError as error:
            if error.status.code == CONFLICT:
                raise Deposed from error
            raise

    def _now(self) -> datetime:
        return datetime.now(UTC)


def _vote_of(pod: Pod) -> Vote | None:
    text = (pod.metadata.annotations or {}).get(VOTE)
    if not text:
        return None
    version, position = json.loads(text)
    return Vote(version, Position(*position))
