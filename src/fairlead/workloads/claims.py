"""Which objects belong to a controller: those that name it as theirs, and strays that its selector finds.

Upstream: ``pkg/controller/controller_ref_manager.go``.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from fairlead.model.labels import Selector, matches
from fairlead.model.names import ObjectKey
from fairlead.model.objects import KubeObject, OwnerReference

T = TypeVar("T", bound=KubeObject)


class OwnedIndex(Generic[T]):
    """Objects by the uid of their controller, and those without one by namespace."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[ObjectKey, T]] = {}

    def put(self, old: T | None, new: T | None) -> None:
        """Take note of a change; ``old`` is what was put before, None for nothing."""
        if old is not None:
            group = self._groups.get(_group(old), {})
            group.pop(old.key, None)
            if not group:
                self._groups.pop(_group(old), None)
        if new is not None:
            self._groups.setdefault(_group(new), {})[new.key] = new

    def owned_by(self, owner: KubeObject) -> Iterator[T]:
        """The objects whose controller is ``owner``, by name and UID."""
        return iter(list(self._groups.get(owner.metadata.uid, {}).values()))

    def candidates(self, owner: KubeObject) -> Iterator[T]:
        """All that a controller may have to do with: its own, and the strays of its namespace."""
        yield from self.owned_by(owner)
        yield from list(self._groups.get(f"/{owner.namespace}", {}).values())


def _group(object_: KubeObject) -> str:
    owner = object_.controller
    return owner.uid if owner else f"/{object_.namespace}"


class Claim(NamedTuple, Generic[T]):
    """The objects of a controller, those to adopt, and those to release."""

    mine: tuple[T, ...]
    adopt: tuple[T, ...]
    release: tuple[T, ...]


def claim(
    owner: KubeObject, selector: Selector, candidates: Iterable[T], fits: Callable[[T], bool] = lambda _: True
) -> Claim[T]:
    """Sort the candidates by what ``owner`` has to do with them.

    Only strays that fit are adopted. A terminating owner adopts nothing; nor does an empty selector, which would find
    everything.
    """
    candidates = tuple(candidates)
    owned = [c for c in candidates if c.controller and c.controller.uid == owner.metadata.uid]
    strays = [
        c for c in candidates if not c.controller and not c.is_terminating and matches(selector, c.labels) and fits(c)
    ]
    return Claim(
        tuple(c for c in owned if matches(selector, c.labels)),
        () if owner.is_terminating or not selector else tuple(strays),
        tuple(c for c in owned if not matches(selector, c.labels)),
    )


def controller_reference(owner: KubeObject, api_version: str, kind: str) -> OwnerReference:
    """The reference with which ``owner`` marks what it controls."""
    return OwnerReference(
        api_version=api_version,
        kind=kind,
        name=owner.name,
        uid=owner.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )
