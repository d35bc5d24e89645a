"""The graph of owners and dependents, and the deletions that follow from it.

An object whose owners are all gone goes too. While an owner waits to go until its dependents are gone (foreground),
they are deleted; where it is to go alone (orphan), they lose their reference to it. The graph knows what the watches
told; whether an owner that it does not know is really gone must be asked of the server before anything is deleted.
Upstream: ``pkg/controller/garbagecollector`` (garbagecollector.go, graph_builder.go).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from fairlead.model.objects import KubeObject, OwnerReference

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"  # finalizers that the API server leaves for the collector


class Item(NamedTuple):
    """One object of any kind; ``collection`` names where it lives, for the one that acts."""

    collection: object
    object: KubeObject

    @property
    def uid(self) -> str:
        return self.object.metadata.uid

    @property
    def owners(self) -> tuple[OwnerReference, ...]:
        return self.object.metadata.owner_references or ()

    def awaits(self, finalizer: str) -> bool:
        """Whether it is being deleted and held back by this finalizer."""
        return self.object.is_terminating and finalizer in (self.object.metadata.finalizers or ())


class PropagationPolicy(Enum):
    """The treatment of the dependents of a deleted object: DeleteOptions.propagationPolicy."""

    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


class Delete(NamedTuple):
    """Delete the item."""

    policy: PropagationPolicy


class RemoveOwners(NamedTuple):
    """Remove the references to these owners from the item, and keep it."""

    uids: frozenset[str]


class Release(NamedTuple):
    """Take the finalizer off the item, so that the server lets it go."""

    finalizer: str


Action = Delete | RemoveOwners | Release


@dataclass
class OwnerGraph:
    """All objects by uid, and the uids of those that name each uid as an owner."""

    items: dict[str, Item] = field(default_factory=dict)
    _dependents: dict[str, set[str]] = field(default_factory=dict)

    def put(self, item: Item) -> None:
        """Take note of an object as it is now."""
        self.drop(item.uid)
        self.items[item.uid] = item
        for owner in item.owners:
            self._dependents.setdefault(owner.uid, set()).add(item.uid)

    def drop(self, uid: str) -> None:
        """Take note that an object is gone."""
        item = self.items.pop(uid, None)
        for owner in item.owners if item else ():
            rest = self._dependents[owner.uid]
            rest.discard(uid)
            if not rest:
                del self._dependents[owner.uid]

    def dependents(self, uid: str) -> Iterator[Item]:
        """The objects that name this one as an owner."""
        return (self.items[dependent] for dependent in self._dependents.get(uid, ()))

    def unknown_owners(self, item: Item) -> list[OwnerReference]:
        """Owners that no watch has reported: deleted, or not reported yet."""
        return [owner for owner in item.owners if owner.uid not in self.items]

    def next_action(self, item: Item, absent: Iterable[str]) -> Action | None:
        """The next action for one object; None if it stays, or if others must be deleted first.

        Args:
            absent: uids of unknown owners that the server says do not exist.
        """
        if item.awaits(ORPHAN):
            return None if any(self.dependents(item.uid)) else Release(ORPHAN)
        if item.awaits(FOREGROUND):
            return None if any(self._blockers(item)) else Release(FOREGROUND)
        return self._fate(item, frozenset(absent))

    def _blockers(self, item: Item) -> Iterator[Item]:
        return (
            d for d in self.dependents(item.uid) if any(o.uid == item.uid and o.block_owner_deletion for o in d.owners)
        )

    def _fate(self, item: Item, absent: frozenset[str]) -> Action | None:
        """What the state of its owners means for an object."""
        known = {owner.uid: self.items.get(owner.uid) for owner in item.owners}
        leaving = {uid for uid, owner in known.items() if owner and owner.awaits(ORPHAN)}
        if leaving:
            return RemoveOwners(frozenset(leaving))
        going = {uid for uid, owner in known.items() if owner and owner.awaits(FOREGROUND)}
        lost = absent | going
        if not lost or item.object.is_terminating:
            return None
        if known.keys() - lost:
            return RemoveOwners(lost & known.keys())
        return Delete(self._policy(item, waited_for=bool(going)))

    def _policy(self, item: Item, *, waited_for: bool) -> PropagationPolicy:
        finalizers = item.object.metadata.finalizers or ()
        if ORPHAN in finalizers:
            return PropagationPolicy.ORPHAN
        has_dependents = any(self.dependents(item.uid))
        return (
            PropagationPolicy.FOREGROUND
            if FOREGROUND in finalizers or (waited_for and has_dependents)
            else PropagationPolicy.BACKGROUND
        )
