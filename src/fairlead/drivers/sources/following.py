"""Follows a live cluster: keeps the objects that explanations read up to date by watches."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from fairlead.drivers.kube.client import KubeClient, ResourcePath
from fairlead.drivers.kube.document_informer import DocumentInformer, Whole
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.permissions import READABLE, Readable
from fairlead.explain.reading import CLUSTER_SCOPED
from fairlead.explain.updates import updated
from fairlead.model.document import Doc
from fairlead.model.objects import latest

WHERE = "the API"
_FIRST_READING = 5.0  # seconds that a first picture waits for kinds that are slow to come, or forbidden
_REST = 0.05  # seconds in which changes are taken together

Seen = Callable[[Ref, Whole | None, Whole | None], None]


class FollowedCluster:
    """The cluster, and what changes in it.

    Args:
        published: called with each new moment. seen: called with each change of an object, as soon as it is heard.

    Attributes:
        cluster: as it is known now.
    """

    def __init__(self, client: KubeClient, zone: str, published: Callable[[Cluster], None], seen: Seen) -> None:
        self.cluster = Cluster(zone=zone)
        self._published, self._seen = published, seen
        self._changes: dict[Ref, Doc | None] = {}
        self._news = asyncio.Event()
        self._informers = {
            each.kind: DocumentInformer(client, _resource(each), partial(self._hear, each.kind)) for each in READABLE
        }

    @property
    def dead_for(self) -> float:
        """Seconds since the longest dead watch died."""
        return max(informer.dead_for for informer in self._informers.values())

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for informer in self._informers.values():
                tasks.create_task(informer.run())
            await self._read_first()
            while True:
                self._publish()
                await self._news.wait()
                await asyncio.sleep(_REST)

    async def _read_first(self) -> None:
        """Wait for all kinds; for those that do not come, only a while after one has come."""
        waiting = [asyncio.ensure_future(each.synced.wait()) for each in self._informers.values()]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            with suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_READING):
                    await asyncio.gather(*waiting)
        finally:
            for each in waiting:
                each.cancel()

    def _publish(self) -> None:
        self._news.clear()
        changes, self._changes = self._changes, {}
        kinds = [kind for kind, informer in self._informers.items() if informer.synced.is_set()]
        self.cluster = updated(self.cluster, changes, kinds, WHERE)
        self._published(self.cluster)

    def _hear(self, kind: str, old: Whole | None, new: Whole | None) -> None:
        metadata = latest(old, new).metadata
        ref = Ref(kind, metadata.namespace, metadata.name)
        self._changes[ref] = None if new is None else {**new.document, "kind": kind}
        self._news.set()
        self._seen(ref, old, new)


def _resource(readable: Readable) -> ResourcePath:
    version = f"{readable.group}/{readable.version}" if readable.group else readable.version
    return ResourcePath(version, readable.plural, namespaced=readable.kind not in CLUSTER_SCOPED)
