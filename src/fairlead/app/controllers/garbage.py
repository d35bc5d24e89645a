"""The garbage collector: deletes what lost its owners, and lets owners go that waited for it.

Watches the metadata of everything that can be deleted. Before an object is deleted for lack of an owner, the server
itself is asked for the owner, since a copy may lag behind.
"""

from functools import partial

import msgspec

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.watches import Watched
from fairlead.drivers.kube.client import KubeError, ResourcePath
from fairlead.drivers.kube.discovery import Discovered
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.decode import decode
from fairlead.model.document import Doc
from fairlead.model.objects import KubeObject, OwnerReference
from fairlead.workloads.ownership import Action, Delete, Item, OwnerGraph, Release, RemoveOwners


class GarbageCollector:
    """Keys are uids."""

    name = "generic-garbage-collector"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        self.queue: WorkQueue[str] = WorkQueue(context.clock)
        self._client = context.client
        self._graph = OwnerGraph()
        self._by_kind: dict[tuple[str, str], ResourcePath] = {}
        self.needs = (context.kinds,)
        context.kinds.listen(self._follow)
        context.custom_kinds.listen(self._follow)

    def _follow(self, collection: Discovered, watched: Watched[KubeObject]) -> None:
        self._by_kind[collection.resource.group_version, collection.kind] = collection.resource
        watched.listen(partial(self._changed, collection.resource))

    def _changed(self, resource: ResourcePath, old: KubeObject | None, new: KubeObject | None) -> None:
        if old and (new is None or new.metadata.uid != old.metadata.uid):
            self._forget(Item(resource, old))
        if new:
            item = Item(resource, new)
            before = self._graph.items.get(item.uid)
            self._graph.put(item)
            if item.owners or item.object.is_terminating:
                self.queue.add(item.uid)
            if item.object.is_terminating or (before and before.owners != item.owners):
                self._add_relatives(item)
            for owner in before.owners if before else ():
                self.queue.add(owner.uid)

    def _forget(self, item: Item) -> None:
        self._graph.drop(item.uid)
        self._add_relatives(item)

    def _add_relatives(self, item: Item) -> None:
        for dependent in self._graph.dependents(item.uid):
            self.queue.add(dependent.uid)
        for owner in item.owners:
            self.queue.add(owner.uid)

    async def reconcile(self, uid: str) -> None:
        """One step for one object; a step that changes it leads to the next by its own watch event."""
        item = self._graph.items.get(uid)
        if item is None:
            return
        unknown = self._graph.unknown_owners(item)
        absent = [owner.uid for owner in unknown if await self._is_absent(owner, item)]
        action = self._graph.next_action(item, absent)
        if action is None:
            return
        try:
            await self._do(action, item)
        except KubeError as error:
            if error.code != 404:  # gone by itself
                raise

    async def _is_absent(self, owner: OwnerReference, dependent: Item) -> bool:
        """What the server says of an owner; one of a kind that it does not serve may exist for all we know."""
        resource = self._by_kind.get((owner.api_version, owner.kind))
        if resource is None:
            return False
        namespace = dependent.object.namespace if resource.namespaced else ""
        try:
            live = decode(KubeObject, await self._client.get(resource.path(namespace, owner.name)))
        except KubeError as error:
            if error.code == 404:
                return True
            raise
        return live.metadata.uid != owner.uid

    async def _do(self, action: Action, item: Item) -> None:
        assert isinstance(item.collection, ResourcePath)
        path = item.collection.path(item.object.namespace, item.object.name)
        if isinstance(action, Delete):
            options = {"preconditions": {"uid": item.uid}, "propagationPolicy": action.policy.value}
            await self._client.delete(path, {"kind": "DeleteOptions", "apiVersion": "v1", **options})
        elif isinstance(action, RemoveOwners):
            kept = [msgspec.to_builtins(owner) for owner in item.owners if owner.uid not in action.uids]
            await self._patch_metadata(path, item, {"ownerReferences": kept})
        elif isinstance(action, Release):
            kept = [name for name in item.object.metadata.finalizers or () if name != action.finalizer]
            await self._patch_metadata(path, item, {"finalizers": kept})

    async def _patch_metadata(self, path: str, item: Item, change: Doc) -> None:
        """Change the object as it was seen, and no later version of it."""
        version = item.object.metadata.resource_version
        await self._client.patch(path, {"metadata": {"uid": item.uid, "resourceVersion": version, **change}})
