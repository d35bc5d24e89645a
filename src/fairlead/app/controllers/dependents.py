"""The objects of one kind that controllers of another own: finds them, claims them, makes and deletes them.

Every answer of the server goes into the local copy at once, so that no lag of the watch leads to a Pod too many.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from fairlead.app.controllers.context import ControllerContext
from fairlead.app.controllers.watches import Watched
from fairlead.drivers.kube.client import KubeError
from fairlead.drivers.kube.work_queue import WorkQueue
from fairlead.model.document import Doc
from fairlead.model.events import EventText
from fairlead.model.labels import matches, requirements
from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject, LabelSelector
from fairlead.workloads import events
from fairlead.workloads.claims import OwnedIndex, claim, controller_reference
from fairlead.workloads.events import EventTemplates

T = TypeVar("T", bound=KubeObject)


NO_EVENTS = EventTemplates()  # for objects without Events


class OwnerKind(NamedTuple):
    """The kind of the owners: API version, kind, the collection of all owners, and each owner's selector of
    dependents."""

    api_version: str
    kind: str
    owners: Watched[Any]

    def selector(self, owner: Any) -> LabelSelector:
        selector: LabelSelector = owner.spec.selector
        return selector


class Dependents(Generic[T]):
    """The objects of ``watched`` as owners of one kind see them; the owners' keys go to ``queue`` on every change.

    Args:
        templates: messages of the Events about created and deleted objects.
    """

    def __init__(
        self,
        context: ControllerContext,
        watched: Watched[T],
        owner_kind: OwnerKind,
        queue: WorkQueue[ObjectKey],
        component: str,
        templates: EventTemplates = NO_EVENTS,
    ) -> None:
        self._client = context.client
        self._watched, self._owner_kind, self._queue = watched, owner_kind, queue
        self._templates = templates
        self._events = context.events.recorder(component)
        self._index: OwnedIndex[T] = OwnedIndex()
        watched.listen(self._changed)

    def _changed(self, old: T | None, new: T | None) -> None:
        self._index.put(old, new)
        for object_ in (old, new):
            if object_ is not None:
                self._add_owners(object_)

    def _add_owners(self, dependent: T) -> None:
        if reference := dependent.controller:
            if reference.kind == self._owner_kind.kind:
                self._queue.add(ObjectKey(dependent.namespace, reference.name))
            return
        for owner in self._owner_kind.owners.objects.values():
            selector = requirements(self._owner_kind.selector(owner))
            if owner.namespace == dependent.namespace and selector and matches(selector, dependent.labels):
                self._queue.add(owner.key)

    def of(self, owner: KubeObject) -> tuple[T, ...]:
        """The objects that the owner controls now."""
        return tuple(self._index.owned_by(owner))

    async def claimed(self, owner: KubeObject, fits: Callable[[T], bool] = lambda _: True) -> tuple[T, ...]:
        """The objects that the owner controls, after it has adopted matching orphans and released those that it does
        not select."""
        selector = requirements(self._owner_kind.selector(owner))
        found = claim(owner, selector, self._index.candidates(owner), fits)
        reference = controller_reference(owner, self._owner_kind.api_version, self._owner_kind.kind)
        for stray in found.adopt:
            await self._set_owners(stray, [*(stray.metadata.owner_references or ()), reference])
        for lost in found.release:
            await self._set_owners(lost, [o for o in lost.metadata.owner_references or () if o.uid != reference.uid])
        return claim(owner, selector, self._index.owned_by(owner)).mine

    async def _set_owners(self, object_: T, owners: Iterable[Any]) -> None:
        await self.patch(object_, {"metadata": {"ownerReferences": [msgspec.to_builtins(owner) for owner in owners]}})

    async def create(self, owner: KubeObject, document: Doc) -> T:
        """Create an object, and record an Event about its owner: that it is there, or why it is refused."""
        try:
            created = await self._client.create(self._watched.resource.path(owner.namespace), document)
        except KubeError as error:
            if error.code != 409:  # created by an earlier run that ended before it recorded that
                name = document["metadata"].get("name") or document["metadata"].get("generateName", "")
                self.record(owner, events.creation_failed(self._templates, name, owner.name, error))
            raise
        learned = self._watched.learn(created)
        self.record(owner, events.created(self._templates, learned.name, owner.name))
        return learned

    async def create_many(self, owner: KubeObject, documents: Sequence[Doc]) -> list[T]:
        """Make objects side by side: first one, then ever more, so that what is refused is not tried a hundred times.

        Raises:
            KubeError, Unreachable: one of them failed; those made with it and before it are there.
        """
        made: list[T] = []
        while len(made) < len(documents):
            batch = documents[len(made) : 2 * len(made) + 1]
            results = await asyncio.gather(*(self.create(owner, d) for d in batch), return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
                made.append(result)
        return made

    async def patch(self, object_: T, change: Mapping[str, Any]) -> None:
        """Change the object as it was seen, and no later version of it, by a merge patch."""
        seen = {"uid": object_.metadata.uid, "resourceVersion": object_.metadata.resource_version}
        path = self._watched.resource.path(object_.namespace, object_.name)
        patch = {**change, "metadata": {**change.get("metadata", {}), **seen}}
        self._watched.learn(await self._client.patch(path, patch))

    async def delete(self, owner: KubeObject, object_: T) -> None:
        """Delete an object, and record an Event about its owner; no failure if it is gone already."""
        try:
            await self._delete(object_)
        except KubeError as error:
            self.record(owner, events.deletion_failed(self._templates, object_.name, owner.name, error))
            raise
        self.record(owner, events.deleted(self._templates, object_.name, owner.name))

    async def _delete(self, object_: T) -> None:
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": object_.metadata.uid}}
        try:
            answer = await self._client.delete(self._watched.resource.path(object_.namespace, object_.name), options)
        except KubeError as error:
            if error.code != 404:
                raise
            answer = {}
        if answer.get("metadata", {}).get("deletionTimestamp"):
            self._watched.learn(answer)
        else:
            self._watched.unlearn(object_)

    def record(self, owner: KubeObject, event: EventText) -> None:
        """Write an Event about the owner, unless its message is empty."""
        if not event.message:
            return
        self._events.record(owner, self._owner_kind.api_version, self._owner_kind.kind, event)


async def write_status(context: ControllerContext, watched: Watched[Any], object_: Any, status: msgspec.Struct) -> None:
    """Write the status unless it is what the object has already; zeros are written out."""
    if status == object_.status:
        return
    fields = msgspec.structs.fields(status)
    document = {field.encode_name: msgspec.to_builtins(getattr(status, field.name)) for field in fields}
    path = watched.resource.path(object_.namespace, object_.name, "status")
    try:
        watched.learn(await context.client.patch(path, {"status": document}))
    except KubeError as error:
        if error.code != 404:  # gone meanwhile
            raise
