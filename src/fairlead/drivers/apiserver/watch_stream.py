"""Feeding watchers: each follows the resource's log from its own position, at its own speed, woken by what concerns it.

There are no queues to fill up. A watcher that is slower than the log is long is told 410 and ends, as in upstream; the
memory of a thousand watchers is that of a thousand numbers. What watchers are sent is worked out once for all that are
alike (``watch_feeds``).
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from fairlead.drivers.apiserver.store.durable_state import DurableState
from fairlead.drivers.apiserver.turns import too_many_requests
from fairlead.drivers.apiserver.waits import Waits
from fairlead.drivers.apiserver.warning_headers import warning_headers
from fairlead.drivers.apiserver.watch_feeds import WatchFeeds
from fairlead.drivers.clock_text import now_text
from fairlead.registry.conversion import is_converted, shown_as
from fairlead.registry.environment import Kinds
from fairlead.registry.questions import Asked, ServerAnswer, Unanswered
from fairlead.registry.resources import Resource
from fairlead.registry.status import ApiError, expired
from fairlead.registry.store import Change
from fairlead.registry.verbs.watches import PermittedWatch, bookmark, event_for, frame, trigger_of

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Ask = Callable[[Sequence[Asked]], Awaitable[dict[bytes, ServerAnswer]]]

MAX_WATCHES = 3000
BOOKMARK_SECONDS = 60.0
# When the client does not say: upstream's spread of 30 to 60 minutes, so that not all come back at once.
SHORTEST_SECONDS = 1800
CHUNK_BYTES = 32 << 10


class WatchHolder(NamedTuple):
    """Whose a watch is, and which part of all watches such a user may have."""

    user: str
    share: float


class WatchStreams:
    """All watches of one server."""

    def __init__(self, state: DurableState, kinds: Kinds, ask: Ask) -> None:
        self._state, self._kinds, self._ask = state, kinds, ask
        self._feeds = WatchFeeds(kinds)
        self._closing = asyncio.Event()
        self._held: Counter[str] = Counter()  # by user
        self._waits: set[Waits] = set()
        self._asked = 0  # how often bookmarks have been asked for

    def send_bookmarks(self) -> int:
        """Make all watches with bookmarks send one soon, of this version or a later one."""
        self._asked += 1
        for waits in self._waits:
            waits.end()
        return self._state.latest.version

    def close(self) -> None:
        """End all watches, so that connections can be closed."""
        self._closing.set()

    def end_all(self) -> None:
        """End the watches that are open; new ones may come."""
        closing, self._closing = self._closing, asyncio.Event()
        closing.set()

    @property
    def open(self) -> int:
        """How many there are."""
        return self._held.total()

    async def serve(self, watch: PermittedWatch, holder: WatchHolder, receive: Receive, send: Send) -> None:
        """Send the watch until it ends, the client goes away, or the server closes.

        Raises:
            ApiError: 429, there are too many watches already.
        """
        user = holder.user
        if self._held[user] >= MAX_WATCHES * holder.share or self.open >= MAX_WATCHES:
            raise too_many_requests("too many watches are open, please try again later")
        self._held[user] += 1
        try:
            headers = [(b"content-type", b"application/json"), *warning_headers(watch.warnings)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._until_gone(watch, receive, send)
        finally:
            self._held[user] -= 1
            if not self._held[user]:
                del self._held[user]

    async def _until_gone(self, watch: PermittedWatch, receive: Receive, send: Send) -> None:
        stream = asyncio.ensure_future(self._stream(watch, send))
        ends = [asyncio.ensure_future(_disconnect(receive)), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait([stream, *ends], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stream, *ends):
                task.cancel()
            results = await asyncio.gather(stream, *ends, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]
        await send({"type": "http.response.body", "body": b""})

    async def _stream(self, watch: PermittedWatch, send: Send) -> None:
        waits = Waits()
        self._waits.add(waits)
        try:
            await self._follow(watch, waits, send)
        except ApiError as error:  # such as of a webhook that does not convert: the client begins again
            await _send_chunk(send, frame("ERROR", msgspec.json.encode(error.status())))
        finally:
            self._waits.discard(waits)
            waits.close()

    async def _follow(self, watch: PermittedWatch, waits: Waits, send: Send) -> None:
        loop = asyncio.get_running_loop()
        seconds = watch.seconds or SHORTEST_SECONDS + random.randrange(SHORTEST_SECONDS)  # noqa: S311
        end = loop.time() + seconds
        await self._send_initial(watch, send)
        position = watch.version
        resource, converts = watch.view.resource.storage, is_converted(watch.view.resource)
        trigger, feed = trigger_of(resource, watch.selection), self._feeds.of(watch.view, watch.selection)
        asked = self._asked
        while True:
            news = self._state.news_of(trigger)
            latest = self._state.latest
            log = latest.log(resource)
            if position < log.compacted:
                gone = expired(f"too old resource version: {position} ({log.compacted})")
                await _send_chunk(send, frame("ERROR", msgspec.json.encode(gone.status())))
                return
            if converts:
                frames = await self._converted(log.since(position), watch)
            else:
                frames = feed.between(position, latest)
            position = latest.version
            if frames:
                await _send_chunk(send, frames)
            until = min(end, loop.time() + BOOKMARK_SECONDS)
            if asked == self._asked:
                await waits.for_news(news, until)
            if loop.time() >= until or (asked != self._asked and not news.is_there):
                asked = self._asked
                if not news.is_there:
                    position = self._state.latest.version
                if watch.bookmarks:
                    await _send_chunk(send, bookmark(watch.view, position, False, self._kinds))
                if loop.time() >= end:
                    return
            # What others have changed meanwhile may be forgotten already, which is nothing to this watch.
            position = max(position, news.quiet_until)

    async def _send_initial(self, watch: PermittedWatch, send: Send) -> None:
        now = now_text()
        documents = await self._present(watch.initial, watch.view.resource)
        for chunk in _gathered(frame("ADDED", watch.view.one(each, self._kinds, now)) for each in documents):
            await _send_chunk(send, chunk)
        if watch.announce_end:
            await _send_chunk(send, bookmark(watch.view, watch.version, True, self._kinds))

    async def _converted(self, changes: Iterable[Change], watch: PermittedWatch) -> bytes:
        """The frames of changes of a kind that a webhook converts."""
        told = [(event, event.document(change)) for change in changes if (event := event_for(change, watch.selection))]
        documents = await self._present([document for _, document in told], watch.view.resource)
        now = now_text()
        return b"".join(
            frame(event.type, watch.view.one(document, self._kinds, now))
            for (event, _), document in zip(told, documents, strict=True)
        )

    async def _present(self, documents: Sequence[bytes], resource: Resource) -> Sequence[bytes]:
        """The documents under the version that is watched."""
        if not is_converted(resource):
            return documents
        answers: dict[bytes, ServerAnswer] = {}
        while True:
            try:
                return shown_as(documents, resource, answers)
            except Unanswered as waiting:
                answers |= await self._ask(waiting.questions)


def _gathered(frames: Iterable[bytes]) -> Iterator[bytes]:
    """The frames in chunks of a sensible size: each chunk is a call of the kernel, and a record of TLS."""
    held, size = [], 0
    for each in frames:
        held.append(each)
        size += len(each)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_chunk(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
