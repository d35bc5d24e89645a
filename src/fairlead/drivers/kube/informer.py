"""Keeps a local, decoded copy of one collection in step with the API server.

The shell around ``watching.life``, which says what to do next, and ``watching.collection``, which holds the copy: this
module lists, watches and waits, and tells the two what came of it.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from types import GenericAlias
from typing import Generic, NamedTuple, TypeVar

import msgspec

from fairlead.drivers.kube.client import KubeClient, ResourcePath
from fairlead.drivers.kube.errors import KubeError, Unreachable
from fairlead.drivers.kube.troubles import error_text
from fairlead.model.decode import DecodeError, decode
from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject
from fairlead.watching.collection import Collection, Listener
from fairlead.watching.life import OVERDUE, Check, Fault, Life, List, Step, Wait, Watch

__all__ = ["Informer", "Listener"]

T = TypeVar("T", bound=KubeObject)

PAGE = 500  # objects per list request, as client-go's reflector asks for

log = logging.getLogger(__name__)
_luck = secrets.SystemRandom().random


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, Generic[T]):
    metadata: _ListMeta
    items: list[T] | None = None


class _RawList(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _VersionOnly(msgspec.Struct):
    metadata: _ListMeta


class _Status(msgspec.Struct):
    message: str = ""
    reason: str = ""
    code: int = 0


class Known(NamedTuple, Generic[T]):
    """A copy of a collection, and the version up to which it is known."""

    objects: dict[ObjectKey, T]
    version: str


class Informer(Generic[T]):
    """A decoded copy of one collection.

    Args:
        type_: the slim type to decode into.
        listener: called with (old, new) for each net change, old None for an addition, new None for a deletion; called
            from the event loop and must not block.
        query: label and field selectors, passed on to the server.
        now: seconds on a clock that only goes forward, the one that the event loop's timers go by.

    Attributes:
        synced: set when the first list has been delivered.
        last_heard: when the server last said what the collection is, if only that nothing is new.
        is_needed: whether its part is not ready without it.
    """

    def __init__(
        self,
        client: KubeClient,
        resource: ResourcePath,
        type_: type[T],
        listener: Listener[T],
        query: dict[str, str] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.synced = asyncio.Event()
        self.last_heard = now()
        self.resource = resource
        self.is_needed = True
        self._client, self._type = client, type_
        self._query, self._now = query or {}, now
        self._copy: Collection[T] = Collection(listener)
        self._life = Life()

    @property
    def objects(self) -> dict[ObjectKey, T]:
        return self._copy.objects

    @property
    def version(self) -> int:
        """Up to which version of the API's objects everything has been delivered; 0 when that is not known."""
        return _number(self._life.version) if self.synced.is_set() else 0

    @property
    def age(self) -> float:
        """Seconds since the server last said what the collection is."""
        return max(self._now() - self.last_heard, 0.0)

    @property
    def dead_for(self) -> float:
        """Seconds that nothing has been watching, 0 while something is. A watch that hears nothing is not dead."""
        since = self._life.broken_since
        return 0.0 if since is None else max(self._now() - since, 0.0)

    @property
    def known(self) -> "Known[T]":
        """The copy as it is now."""
        return Known(self.objects, self._life.version)

    def resume(self, known: "Known[T]") -> None:
        """Go on from a copy that was read before this process was forked, and that the listener knows already."""
        self._copy.adopt(known.objects, _number(known.version))
        self._life = self._life.listed(known.version, self._now(), _luck())
        self.last_heard = self._now()
        self.synced.set()

    def learn(self, written: T) -> None:
        """Take in what the server answered to a write, so that a writer's own copy is never behind its writes."""
        self._copy.learn(written)

    def unlearn(self, deleted: T) -> None:
        """Take in that the server has deleted an object; what a watch that lags still says of it is skipped."""
        self._copy.unlearn(deleted)

    async def run(self) -> None:
        """List and watch until cancelled; never raises for the server's faults."""
        while True:
            step = self._life.step
            try:
                await self._take(step)
            except (Unreachable, KubeError, DecodeError, msgspec.DecodeError) as error:
                self._failed(step, error)

    async def _take(self, step: Step) -> None:
        match step:
            case Wait(seconds):
                await asyncio.sleep(seconds)
                self._life = self._life.waited(self._now())
            case List():
                await self._list()
            case Check():
                await self._check()
            case Watch():
                await self._watch(step)

    def _failed(self, step: Step, error: Exception) -> None:
        fault, retry_after = _fault_of(step, error)
        was_open = self._life.opened_at is not None
        self._life = self._life.failed(fault, self._now(), _luck(), retry_after)
        if was_open or fault is Fault.GONE:  # which happens, and is mended by the next step unless that fails too
            log.info("the watch of %s has ended: %s", self.resource.plural, error_text(error))
        else:
            verb = "watch" if isinstance(step, Watch) else "list"
            self._client.troubles.met(error, f"{verb} {self.resource.qualified}", self.resource.qualified)

    def _went_well(self) -> None:
        self.last_heard = self._now()
        self._client.troubles.over(self.resource.qualified)

    async def _list(self) -> None:
        self._copy.begin_list()
        try:
            found, version = await self._read_pages(PAGE)
        except KubeError as error:
            if error.code != 410:
                raise
            found, version = await self._read_pages(0)  # the list is longer than the server remembers: all in one
        is_borne_out = self._copy.replace({object_.key: object_ for object_ in found}, _number(version))
        self._life = self._life.listed(version, self._now(), _luck(), is_borne_out=is_borne_out)
        self._went_well()
        self.synced.set()

    async def _read_pages(self, size: int) -> tuple[list[T], str]:
        """All objects, and the version that the list is of; ``size`` objects a request, 0 for all at once."""
        found: list[T] = []
        query = {**self._query, **({"limit": str(size)} if size else {})}
        while True:
            page = self._decode_page(await self._client.get(self.resource.path(), query))
            found += page.items or ()
            if not page.metadata.continue_:
                return found, page.metadata.resource_version
            query["continue"] = page.metadata.continue_

    def _decode(self, raw: bytes) -> T:
        return decode(self._type, raw)

    def _decode_page(self, body: bytes) -> "_List[T]":
        """All at once where all can be read, and nothing is to be done for each."""
        try:
            page: _List[T] = msgspec.json.decode(body, type=GenericAlias(_List, (self._type,)))
        except msgspec.ValidationError:
            return self._decode_each(body)
        return page

    def _decode_each(self, body: bytes) -> "_List[T]":
        raw = msgspec.json.decode(body, type=_RawList)
        read = (self._read(bytes(item)) for item in raw.items or ())
        return _List(raw.metadata, [object_ for object_ in read if object_ is not None])

    async def _check(self) -> None:
        """The version of a list of one object; a collection that hears nothing is not read in full for it."""
        body = await self._client.get(self.resource.path(), {**self._query, "limit": "1"})
        self._life = self._life.checked(_version(body), self._now(), _luck())
        self._went_well()

    async def _watch(self, step: Watch) -> None:
        query = {
            **self._query,
            "resourceVersion": step.version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(1, round(step.seconds))),
        }
        events = self._client.watch(self.resource.path(), query, self._opened)
        try:
            async with asyncio.timeout(step.seconds + OVERDUE):
                async for event in events:
                    self.last_heard = self._now()
                    self._take_event(event.type, bytes(event.object))
                    if not self._life.version:
                        return
        except TimeoutError as error:
            if self._life.has_heard_nothing:
                raise Unreachable("a watch was not ended when it was asked to") from error
        finally:
            await events.aclose()
        self._life = self._life.ended(self._now(), _luck())
        self.last_heard = self._now()

    def _opened(self) -> None:
        self._life = self._life.opened(self._now())
        self._client.troubles.over(self.resource.qualified)

    def _take_event(self, type_: str, raw: bytes) -> None:
        if type_ == "ERROR":
            status = msgspec.json.decode(raw, type=_Status)
            raise KubeError(status.code, status.reason or "Expired", status.message)
        object_ = None if type_ == "BOOKMARK" else self._read(raw)
        version = _version(raw) if object_ is None else object_.metadata.resource_version
        self._life = self._life.heard(version, self._now())
        if not self._life.version:
            return  # from another history
        self._copy.advance(_number(version))
        if object_ is not None:
            (self._copy.take_deletion if type_ == "DELETED" else self._copy.take)(object_)

    def _read(self, raw: bytes) -> T | None:
        """An object; None for one that cannot be read, which does not hide the others."""
        try:
            return self._decode(raw)
        except DecodeError as error:
            log.warning("an object of %s is passed over: %s: %.200r", self.resource.plural, error, raw)
            return None


def _version(raw: bytes) -> str:
    return msgspec.json.decode(raw, type=_VersionOnly).metadata.resource_version


def _number(version: str) -> int:
    return int(version) if version.isdecimal() else 0


def _fault_of(step: Step, error: Exception) -> tuple[Fault, float]:
    """What an error means for the watch, and the seconds that the server asks to be left alone for."""
    if isinstance(error, Unreachable):
        return Fault.BROKEN, 0.0
    if not isinstance(error, KubeError):
        return Fault.GONE, 0.0  # what came makes no sense; a list may
    # 400: a server whose versions are others. 504: one that waited without result for a version that is ahead of it.
    is_of_version = isinstance(step, Watch) and (error.code == 400 or "resource version" in str(error))
    if error.code == 410 or is_of_version:
        return Fault.GONE, error.retry_after
    return Fault.REFUSED, error.retry_after
