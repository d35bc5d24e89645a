"""Kinds that users define: follows their objects for other controllers, and empties a kind that is to go.

A definition that is deleted stays until all objects of its kind are gone, held by a finalizer, as upstream's
``pkg/controller/finalizer/crd_finalizer.go`` has it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from fairlead.app.controllers.watches import ControllerWatches, Watched
from fairlead.drivers.kube.client import KubeClient, KubeError, ResourcePath
from fairlead.drivers.kube.discovery import Discovered
from fairlead.drivers.kube.work_queue import Clock, WorkQueue
from fairlead.model.custom_kinds import CLEANUP, CustomResourceDefinition
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject

DEFINITIONS = ResourcePath("apiextensions.k8s.io/v1", "customresourcedefinitions", namespaced=False)
LOOK_AGAIN = 1.0  # seconds; a safety net, since every object that goes leads to another look
_VERBS = frozenset({"list", "watch", "delete"})
Follower = Callable[[Discovered, Watched[KubeObject]], None]


class CustomKinds:
    """Keys are those of definitions."""

    name = "custom-resource-controller"
    workers = 1

    def __init__(self, client: KubeClient, watches: ControllerWatches, clock: Clock) -> None:
        self.queue: WorkQueue[ObjectKey] = WorkQueue(clock)
        self._client = client
        self._definitions = watches.of(DEFINITIONS, CustomResourceDefinition)
        self.needs = (self._definitions,)
        self._definitions.listen(self._changed)
        self._followers: list[Follower] = []
        self._followed: dict[ObjectKey, tuple[Discovered, asyncio.Task[None]]] = {}

    def listen(self, follower: Follower) -> None:
        """Hear of each collection before its first object is read."""
        self._followers.append(follower)

    @property
    def collections(self) -> list[Discovered]:
        """The collections that are watched now."""
        return [collection for collection, _ in self._followed.values()]

    def _changed(self, old: CustomResourceDefinition | None, new: CustomResourceDefinition | None) -> None:
        changed = new or old
        assert changed
        self.queue.add(changed.key)

    async def reconcile(self, key: ObjectKey) -> None:
        """Follow the objects of a kind that is served; empty one that is to go, and let it go when it is empty."""
        definition = self._definitions.objects.get(key)
        self._follow(key, definition)
        if definition and definition.is_terminating:
            await self._empty(definition)

    def _follow(self, key: ObjectKey, definition: CustomResourceDefinition | None) -> None:
        wanted = _collection(definition) if definition and definition.is_established else None
        known = self._followed.get(key)
        if known and known[0] == wanted:
            return
        if known:
            known[1].cancel()
            del self._followed[key]
        if wanted:
            watched = Watched(self._client, wanted.resource, KubeObject)
            watched.listen(lambda old, new: self._object_changed(key, new))
            for follower in self._followers:
                follower(wanted, watched)
            self._followed[key] = wanted, asyncio.create_task(watched.run())

    def _object_changed(self, key: ObjectKey, new: KubeObject | None) -> None:
        definition = self._definitions.objects.get(key)
        if new is None and definition and definition.is_terminating:
            self.queue.add(key)

    async def _empty(self, definition: CustomResourceDefinition) -> None:
        if CLEANUP not in (definition.metadata.finalizers or ()):
            return
        if await self._left(definition):
            self.queue.add_later(definition.key, LOOK_AGAIN)
            return
        kept = [name for name in definition.metadata.finalizers or () if name != CLEANUP]
        seen = {"uid": definition.metadata.uid, "resourceVersion": definition.metadata.resource_version}
        patch = {"metadata": {"finalizers": kept, **seen}}
        try:
            await self._client.patch(DEFINITIONS.path(name=definition.name), patch)
        except KubeError as error:
            if error.code != 404:
                raise

    async def _left(self, definition: CustomResourceDefinition) -> int:
        """Ask for every object to be deleted; how many there are still."""
        collection = _collection(definition)
        if collection is None:
            return 0
        path = collection.resource.path()
        items = await self._items(path)
        for namespace in {item["metadata"].get("namespace", "") for item in items}:
            await self._client.delete(collection.resource.path(namespace), _OPTIONS)
        return len(await self._items(path)) if items else 0

    async def _items(self, path: str) -> list[Doc]:
        listed: dict[str, Any] = msgspec.json.decode(await self._client.get(path))
        return listed.get("items") or []


_OPTIONS = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}


def _collection(definition: CustomResourceDefinition) -> Discovered | None:
    version = definition.served_version
    if not version:
        return None
    spec = definition.spec
    resource = ResourcePath(f"{spec.group}/{version}", spec.names.plural, spec.scope == "Namespaced")
    return Discovered(resource, spec.names.kind, _VERBS)


def custom_collections(definitions: list[CustomResourceDefinition]) -> set[tuple[str, str]]:
    """(group, plural) of the kinds that users define."""
    return {(definition.spec.group, definition.spec.names.plural) for definition in definitions}
