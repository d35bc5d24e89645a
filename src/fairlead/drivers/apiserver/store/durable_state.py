"""The state of the API server over time: what writers build on, and what readers may see.

Writers work on ``head`` at once, one after the other. A thread makes their steps durable, all that are waiting in one
commit, and only then do readers see them as ``latest``: nobody is ever shown what a power cut could take back. When a
commit fails, ``head`` falls back to ``latest`` and every write built on it fails with it.
"""

import asyncio
import threading
from collections import OrderedDict
from queue import SimpleQueue
from typing import NamedTuple
from weakref import WeakValueDictionary

from fairlead.drivers.apiserver.store.errors import StoreError, StoreFull
from fairlead.drivers.apiserver.store.sqlite_store import SqliteStore
from fairlead.drivers.apiserver.waits import News
from fairlead.registry.store import Change, State, Step
from fairlead.registry.verbs.watches import Trigger, triggers_of

MAX_BATCH = 512
# States that continue tokens may name. Each costs what has changed since, at most all the documents of its time.
KEPT_STATES = 32
MAX_GROWTH = 2048  # bytes by which an object may grow while the disk is full: a deletion's marks, a status


class _Waiting(NamedTuple):
    step: Step
    epoch: int
    done: asyncio.Future[None]


def makes_room(step: Step) -> bool:
    """Whether a step takes things away, or at least lets nothing grow by much: a Pod's way to its end does not."""
    return all(change.deleted or _growth(change) <= MAX_GROWTH for change in step.changes)


def _growth(change: Change) -> int:
    return len(change.after.document) - len(change.before.document) if change.before else MAX_GROWTH + 1


class DurableState:
    """The state of one store. All methods but the thread's own belong to the event loop."""

    def __init__(self, state: State, store: SqliteStore) -> None:
        self.head = self.latest = state
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._epoch = 0
        self._kept: OrderedDict[int, State] = OrderedDict()
        self._awaited: WeakValueDictionary[Trigger, News] = WeakValueDictionary()  # while others refer to them
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    async def commit(self, step: Step) -> None:
        """Take the step as the new head, and return when it is durable and visible.

        Raises:
            StoreFull: the disk is full, and the step would need room.
            StoreError: it could not be written, and is undone.
        """
        if not step.changes and self.head is self.latest:
            return
        if self._store.is_full and not makes_room(step) and (why := self._store.trouble()):
            raise StoreFull(f"{why}: only what makes room is written, such as deletions")
        self.head = step.state
        done: asyncio.Future[None] = self._loop.create_future()
        self._queue.put(_Waiting(step, self._epoch, done))
        # A client that goes away does not take back its write.
        await asyncio.shield(done)

    def trouble(self) -> str:
        """Why nothing new can be written; empty when it can."""
        return self._store.trouble()

    def at(self, version: int) -> State | None:
        """The state of a version if it is kept; 0 is the latest."""
        if version in (0, self.latest.version):
            return self.latest
        return self._kept.get(version)

    def keep(self, state: State) -> None:
        """Remember a state for the pages of a list that are still to be fetched."""
        self._kept[state.version] = state
        self._kept.move_to_end(state.version)
        while len(self._kept) > KEPT_STATES:
            self._kept.popitem(last=False)

    def news_of(self, trigger: Trigger) -> News:
        """Set at the next visible change that pulls the trigger."""
        news = self._awaited.get(trigger)
        if news is None:
            news = self._awaited[trigger] = News()
        return news

    async def close(self) -> None:
        """Write what is waiting, and let go of the store."""
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join)
        self._store.close()

    def _run(self) -> None:
        """The thread: takes all that is waiting, writes it, tells the loop. A step from before a failure fails too."""
        broken_before = 0
        while (first := self._queue.get()) is not None:
            batch = [first]
            last = False
            while len(batch) < MAX_BATCH and not self._queue.empty():
                item = self._queue.get()
                if item is None:
                    last = True
                    break
                batch.append(item)
            failure: StoreError | None = None
            if batch[0].epoch < broken_before:
                stale = [item for item in batch if item.epoch < broken_before]
                self._loop.call_soon_threadsafe(self._fail, stale, StoreError("an earlier write failed"))
                batch = batch[len(stale) :]
            try:
                changes = [change for item in batch for change in item.step.changes]
                if changes:
                    self._store.write(changes)
            except StoreError as error:
                failure = error
                broken_before = batch[-1].epoch + 1
            if failure:
                self._loop.call_soon_threadsafe(self._fail, batch, failure)
            elif batch:
                self._loop.call_soon_threadsafe(self._publish, batch)
            if last:
                return

    def _publish(self, batch: list[_Waiting]) -> None:
        before, self.latest = self.latest, batch[-1].step.state
        for trigger in {trigger for item in batch for change in item.step.changes for trigger in triggers_of(change)}:
            news = self._awaited.pop(trigger, None)
            if news:
                news.tell(before.version)
        for item in batch:
            if not item.done.done():
                item.done.set_result(None)

    def _fail(self, batch: list[_Waiting], error: StoreError) -> None:
        if any(item.epoch == self._epoch for item in batch):
            self._epoch += 1
            self.head = self.latest
        for item in batch:
            if not item.done.done():
                item.done.set_exception(error)
