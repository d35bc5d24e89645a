"""Local copies of the API's collections, one for each kind, shared by all controllers of the process."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from fairlead.drivers.kube.client import KubeClient, ResourcePath
from fairlead.drivers.kube.informer import Informer, Listener
from fairlead.model.decode import decode
from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject

T = TypeVar("T", bound=KubeObject)
Start = Callable[[Coroutine[Any, Any, None]], object]


class Watched(Generic[T]):
    """One collection: its objects by key, and the listeners for changes."""

    def __init__(
        self, client: KubeClient, resource: ResourcePath, type_: type[T], query: dict[str, str] | None = None
    ) -> None:
        self.resource = resource
        self._type = type_
        self._listeners: list[Listener[T]] = []
        self._informer = Informer(client, resource, type_, self._tell, query)

    @property
    def informer(self) -> Informer[T]:
        return self._informer

    @property
    def objects(self) -> dict[ObjectKey, T]:
        return self._informer.objects

    def listen(self, listener: Listener[T]) -> None:
        """Call a listener for every net change; for existing objects, call it now."""
        self._listeners.append(listener)
        for object_ in list(self.objects.values()):
            listener(None, object_)

    def learn(self, document: dict[str, Any]) -> T:
        """Take in what the server answered to a write."""
        object_ = decode(self._type, document)
        self._informer.learn(object_)
        return object_

    def unlearn(self, deleted: T) -> None:
        """Take in that the server has deleted an object."""
        self._informer.unlearn(deleted)

    async def run(self) -> None:
        await self._informer.run()

    async def synced(self) -> None:
        """Wait until the first list has been taken in."""
        await self._informer.synced.wait()

    def _tell(self, old: T | None, new: T | None) -> None:
        for listener in self._listeners:
            listener(old, new)


class ControllerWatches:
    """All collections that some controller has asked for."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._watched: dict[tuple[ResourcePath, str], Watched[Any]] = {}
        self._start: Start | None = None

    def of(
        self, resource: ResourcePath, type_: type[T], *, is_needed: bool = True, query: dict[str, str] | None = None
    ) -> Watched[T]:
        """The collection, watched once however many ask, as the type that the first of them wants.

        A controller that is content with metadata asks for ``KubeObject``, after those who want more.

        Args:
            is_needed: whether the process is not ready without it.
            query: label and field selectors, for a part of it.
        """
        key = resource, str(query or "")
        if key not in self._watched:
            self._watched[key] = Watched(self._client, resource, type_, query)
            self._watched[key].informer.is_needed = False
            if self._start:
                self._start(self._watched[key].run())
        self._watched[key].informer.is_needed |= is_needed
        return self._watched[key]

    def begin(self, start: Start) -> None:
        """Watch all requested collections, also those requested later; ``start`` runs a task in the background."""
        self._start = start
        for watched in self._watched.values():
            start(watched.run())

    def informers(self) -> list[Informer[Any]]:
        """The informer of each."""
        return [watched.informer for watched in self._watched.values()]
