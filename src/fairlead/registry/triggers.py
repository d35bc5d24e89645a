"""Which watches a change can concern, so that it costs what those cost and nothing for all the others.

A watch waits for one trigger: a value that whatever it selects has, as ``spec.nodeName=node-1``. A change pulls those
of the object as it was and as it is now, since a watch must hear of what begins and what ceases to match. Upstream's
cacher does so for a few fields of a few kinds (apiserver ``pkg/storage/cacher``, ``indexedTriggerFunc``).
"""

from collections.abc import Iterator
from typing import NamedTuple

from fairlead.registry.selectors import Selection
from fairlead.registry.store import Change

_NAME, _NAMESPACE, _ANY = -1, -2, -3


class Trigger(NamedTuple):
    """``aspect`` is a position in ``Stored.fields``, or one of the values above."""

    resource: str
    aspect: int = _ANY
    value: str = ""


def trigger_of(resource: str, selection: Selection) -> Trigger:
    """The narrowest trigger that each change which can concern the selection pulls."""
    if selection.name:
        return Trigger(resource, _NAME, selection.name)
    for term in selection.fields:
        if not term.negated:
            return Trigger(resource, term.position, term.value)
    if selection.namespace:
        return Trigger(resource, _NAMESPACE, selection.namespace)
    return Trigger(resource)


def triggers_of(change: Change) -> Iterator[Trigger]:
    """All that a change pulls; one may come twice."""
    resource, key = change.resource, change.key
    yield Trigger(resource)
    yield Trigger(resource, _NAME, key.name)
    yield Trigger(resource, _NAMESPACE, key.namespace)
    for stored in filter(None, (change.before, change.after)):
        for position, value in enumerate(stored.fields):
            yield Trigger(resource, position, value)
