"""Keeps a local, decoded copy of one collection in step with the API server: list, then watch, for ever.

Level-triggered: whatever happens to the connection, the copy converges and the listener hears the net change. After
``410 Gone`` or any doubt the collection is listed anew and the difference to the copy is what the listener gets.
Protocol: Kubernetes API concepts, "Efficient detection of changes".
"""

import asyncio
import logging
import time
from collections.abc import Callable
from types import GenericAlias
from typing import Any, Generic, TypeVar

import msgspec

from fairlead.drivers.kube.client import WATCH_SILENCE, KubeClient, KubeError, Resource, Unreachable
from fairlead.model.decode import DecodeError, decode
from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject

T = TypeVar("T", bound=KubeObject)
Listener = Callable[[T | None, T | None], None]

PAGE = 500  # objects per list request, as client-go's reflector asks for
FIRST_RETRY, LAST_RETRY = 0.05, 5.0  # seconds between attempts to reach the server, doubling
WATCH_SECONDS = 300  # how long the server is asked to keep one watch open

log = logging.getLogger(__name__)


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, Generic[T]):
    metadata: _ListMeta
    items: list[T] | None = None


class _VersionOnly(msgspec.Struct):
    metadata: _ListMeta


class _Status(msgspec.Struct):
    message: str = ""
    code: int = 0


class Informer(Generic[T]):
    """A decoded copy of one collection.

    Args:
        type_: the slim type to decode into.
        listener: called with (old, new) for each net change, old None for an addition, new None for a deletion; called
            from the event loop and must not block.
        query: label and field selectors, passed on to the server.
        on_synced: called once, when the first list has been delivered to the listener.
    """

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        type_: type[T],
        listener: Listener[T],
        query: dict[str, str] | None = None,
        on_synced: Callable[[], None] = lambda: None,
    ) -> None:
        self.objects: dict[ObjectKey, T] = {}
        self.synced = asyncio.Event()
        self.last_heard = time.monotonic()
        self._broken_since: float | None = None
        self._client, self._resource, self._type = client, resource, type_
        self._listener, self._on_synced = listener, on_synced
        self._query = query or {}
        self._version = ""
        self._deleted: set[str] = set()  # uids of what was unlearned, until the watch says so too
        self._written: set[ObjectKey] = set()  # learned from answers to writes while a list was under way

    def learn(self, written: T) -> None:
        """Take in what the server answered to a write, so that a writer's own copy is never behind its writes.

        Events older than what is known are skipped when they arrive. So is an answer that comes after the news that the
        object is gone: the write may have been what let it go. Versions are compared as the numbers they are
        (KEP-5504).
        """
        if not self._version:
            self._written.add(written.key)
        elif self._has_gone(written):
            return
        self._take_newer(written)

    def unlearn(self, deleted: T) -> None:
        """Take in that the server has deleted an object; what a watch that lags still says of it is skipped."""
        if deleted.key in self.objects:
            self._deleted.add(deleted.metadata.uid)
            self._forget(deleted)

    @property
    def dead_for(self) -> float:
        """Seconds that nothing has been watching, 0 while something is. An open watch that nobody hears is dead too."""
        now = time.monotonic()
        broken = 0.0 if self._broken_since is None else now - self._broken_since
        return max(broken, now - self.last_heard - WATCH_SILENCE, 0.0)

    async def run(self) -> None:
        """List and watch until cancelled; never raises for the server's faults, and retries with back-off."""
        delay = FIRST_RETRY
        while True:
            heard_before = self.last_heard
            try:
                await self._list_and_watch()
            except Unreachable as error:
                reason: Exception = error
            except (KubeError, DecodeError, msgspec.DecodeError) as error:
                self._version = ""  # in doubt, start again from a list
                reason = error
            else:
                continue  # the server ended the watch in good order
            self._broken_since = self._broken_since or time.monotonic()
            delay = FIRST_RETRY if self.last_heard > heard_before else min(delay * 2, LAST_RETRY)
            log.info("watch of %s broke off, next attempt in %.2f s: %s", self._resource.plural, delay, reason)
            await asyncio.sleep(delay)

    async def _list_and_watch(self) -> None:
        if not self._version:
            await self._relist()
        await self._watch()

    async def _relist(self) -> None:
        found: dict[ObjectKey, T] = {}
        decoder = msgspec.json.Decoder[Any](GenericAlias(_List, (self._type,)))
        continue_ = ""
        self._written.clear()
        self._deleted.clear()
        while True:
            query = {**self._query, "limit": str(PAGE), **({"continue": continue_} if continue_ else {})}
            page: _List[T] = decoder.decode(await self._client.get(self._resource.path(), query))
            found.update((object_.key, object_) for object_ in page.items or ())
            continue_ = page.metadata.continue_
            if not continue_:
                break
        for key in self.objects.keys() - found.keys() - self._written:
            self._forget(self.objects[key])
        for key in found.keys() - self._written:
            self._put(found[key])
        self._version = page.metadata.resource_version
        self._heard_first_list()

    def _heard_first_list(self) -> None:
        self.last_heard = time.monotonic()
        if not self.synced.is_set():
            self.synced.set()
            self._on_synced()

    async def _watch(self) -> None:
        query = {
            **self._query,
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        async for event in self._client.watch(self._resource.path(), query, self._watch_opened):
            self.last_heard = time.monotonic()
            self._take(event.type, bytes(event.object))

    def _watch_opened(self) -> None:
        self._broken_since = None

    def _take(self, type_: str, raw: bytes) -> None:
        if type_ == "ERROR":
            status = msgspec.json.decode(raw, type=_Status)
            raise KubeError(status.code, "Expired", status.message)
        if type_ == "BOOKMARK":
            self._version = msgspec.json.decode(raw, type=_VersionOnly).metadata.resource_version
            return
        object_ = decode(self._type, raw)
        self._version = object_.metadata.resource_version
        if type_ == "DELETED":
            self._deleted.discard(object_.metadata.uid)
            if not self._is_old(object_):
                self._forget(object_)
        elif object_.metadata.uid not in self._deleted:
            self._take_newer(object_)

    def _is_old(self, object_: T) -> bool:
        known = self.objects.get(object_.key)
        return known is not None and object_.version < known.version

    def _has_gone(self, written: T) -> bool:
        """Whether it is known to be deleted, or the watch is past what was written and knows of no such object."""
        if written.metadata.uid in self._deleted:
            return True
        return written.key not in self.objects and written.version <= int(self._version)

    def _take_newer(self, new: T) -> None:
        if not self._is_old(new):
            self._put(new)

    def _put(self, new: T) -> None:
        old = self.objects.get(new.key)
        if old is not None and old.metadata.resource_version == new.metadata.resource_version:
            return
        self.objects[new.key] = new
        self._listener(old, new)

    def _forget(self, gone: T) -> None:
        old = self.objects.pop(gone.key, None)
        if old is not None:
            self._listener(old, None)
