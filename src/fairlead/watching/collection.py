"""A copy of one collection, which is never behind its owner's own writes.

Whatever order lists, events and answers to writes come in, the copy converges, and the listener hears the net change.
"""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject

T = TypeVar("T", bound=KubeObject)
Listener = Callable[[T | None, T | None], None]


class Collection(Generic[T]):
    """The objects of a collection by key.

    Args:
        listener: called with (old, new) for each net change, old None for an addition, new None for a deletion.
    """

    def __init__(self, listener: Listener[T]) -> None:
        self.objects: dict[ObjectKey, T] = {}
        self._listener = listener
        self._version: int | None = None  # version of the last event; None during a list
        self._deleted: set[str] = set()  # uids of what was unlearned, until the watch says so too
        self._written: set[ObjectKey] = set()  # learned from answers to writes while a list was under way

    def adopt(self, objects: dict[ObjectKey, T], version: int) -> None:
        """Begin with a copy that the listener knows already, and which is the collection's own from now on."""
        self.objects = objects
        self._version = version

    def learn(self, written: T) -> None:
        """Take in what the server answered to a write, so that a writer's own copy is never behind its writes.

        Events older than what is known are skipped when they arrive. So is an answer that comes after the news that the
        object is gone: the write may have been what let it go.
        """
        if self._version is None:
            self._written.add(written.key)
        elif self._has_gone(written, self._version):
            return
        self._take_newer(written)

    def unlearn(self, deleted: T) -> None:
        """Take in that the server has deleted an object; what a watch that lags still says of it is skipped."""
        if deleted.key in self.objects:
            self._deleted.add(deleted.metadata.uid)
            self._forget(deleted)

    def begin_list(self) -> None:
        """A list is being read: until ``replace``, what is learned is newer than it."""
        self._version = None
        self._written.clear()
        self._deleted.clear()

    def replace(self, found: Mapping[ObjectKey, T], version: int) -> bool:
        """Take in a whole list. What it shows counts even if it is older than what is known: history may
        have changed.

        Returns:
            Whether it bears out what was kept. An answer to a write that came while the list was read is kept, as
            it is newer as a rule. It may also be of a history that has ended: the last word of a server before it went
            back. Events of the new history would then seem old.
        """
        for key in self.objects.keys() - found.keys() - self._written:
            self._forget(self.objects[key])
        for key in found.keys() - self._written:
            self._put(found[key])
        self._version = version
        return all(known.version <= version for known in map(self.objects.get, self._written) if known is not None)

    def advance(self, version: int) -> None:
        """All events up to a version have been received."""
        self._version = version

    def take(self, object_: T) -> None:
        """Take in an event that an object was written."""
        if object_.metadata.uid not in self._deleted:
            self._take_newer(object_)

    def take_deletion(self, object_: T) -> None:
        """Take in an event that an object was deleted; it carries the version of the deletion."""
        self._deleted.discard(object_.metadata.uid)
        if not self._is_old(object_):
            self._forget(object_)

    def _is_old(self, object_: T) -> bool:
        known = self.objects.get(object_.key)
        return known is not None and object_.version < known.version

    def _has_gone(self, written: T, version: int) -> bool:
        """Whether it is known to be deleted, or the watch is past what was written and knows of no such object."""
        if written.metadata.uid in self._deleted:
            return True
        return written.key not in self.objects and written.version <= version

    def _take_newer(self, new: T) -> None:
        if not self._is_old(new):
            self._put(new)

    def _put(self, new: T) -> None:
        old = self.objects.get(new.key)
        if old is not None and _is_same(old, new):
            return
        self.objects[new.key] = new
        self._listener(old, new)

    def _forget(self, gone: T) -> None:
        old = self.objects.pop(gone.key, None)
        if old is not None:
            self._listener(old, None)


def _is_same(old: KubeObject, new: KubeObject) -> bool:
    """One version of one object. After a restore of the server's data another write may have the same version."""
    return old.metadata.resource_version == new.metadata.resource_version and old == new
