"""Which Pods a selector finds, and which selectors find a Pod, without looking at all of either.

Pods are filed under every label pair they have. A selector is filed under one of its pairs; a Pod can only match
selectors filed under a pair of its own. Both questions cost what is filed under the rarest fitting pair, not the size
of the cluster. Mutable, since it is fed by a stream of changes; one reader, one writer.
"""

from collections.abc import Iterator, Mapping

from fairlead.model.labels import contains
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod

_Place = tuple[str, str, str]  # namespace, label key, label value
_NO_PODS: dict[ObjectKey, Pod] = {}
_NO_SELECTORS: dict[ObjectKey, Mapping[str, str]] = {}


class SelectorIndex:
    """Pods and selectors of one cluster. A selector is named by the key of the object that has it."""

    def __init__(self) -> None:
        self._pods: dict[_Place, dict[ObjectKey, Pod]] = {}
        self._selectors: dict[_Place, dict[ObjectKey, Mapping[str, str]]] = {}
        self._filed: dict[ObjectKey, tuple[_Place, Mapping[str, str]]] = {}

    def put_pod(self, old: Pod | None, new: Pod | None) -> None:
        """Take note of a Pod's change; ``old`` is what was put before, None for nothing."""
        for place in _places(old) - _places(new):
            _discard(self._pods, place, old.key if old else ObjectKey("", ""))
        if new is not None:
            for place in _places(new):
                self._pods.setdefault(place, {})[new.key] = new

    def put_selector(self, owner: ObjectKey, selector: Mapping[str, str] | None) -> None:
        """File the selector of ``owner`` in place of its former one; None or an empty one finds nothing."""
        if filed := self._filed.pop(owner, None):
            _discard(self._selectors, filed[0], owner)
        if selector:
            key, value = min(selector.items())
            place = (owner.namespace, key, value)
            self._selectors.setdefault(place, {})[owner] = selector
            self._filed[owner] = (place, selector)

    def pods_of(self, owner: ObjectKey) -> list[Pod]:
        """The Pods that the selector of ``owner`` finds."""
        filed = self._filed.get(owner)
        if filed is None:
            return []
        selector = filed[1]
        candidates = (self._pods.get((owner.namespace, *pair), _NO_PODS) for pair in selector.items())
        return [pod for pod in min(candidates, key=len).values() if contains(pod.labels, selector)]

    def owners_of(self, pod: Pod) -> Iterator[ObjectKey]:
        """The owners of the selectors that find the Pod, whether or not it was put."""
        for pair in pod.labels.items():
            found = self._selectors.get((pod.namespace, *pair), _NO_SELECTORS)
            yield from (owner for owner, selector in found.items() if contains(pod.labels, selector))


def _places(pod: Pod | None) -> set[_Place]:
    return {(pod.namespace, key, value) for key, value in pod.labels.items()} if pod else set()


def _discard(
    index: dict[_Place, dict[ObjectKey, Pod]] | dict[_Place, dict[ObjectKey, Mapping[str, str]]],
    place: _Place,
    key: ObjectKey,
) -> None:
    entries = index[place]
    entries.pop(key, None)
    if not entries:
        del index[place]
