"""Watches: their start, and the event of a change for each watcher.

Semantics of the start: "Efficient detection of changes" in the Kubernetes API concepts; a selector that an object
begins or ceases to match turns a change into ADDED or DELETED (upstream: apiserver ``pkg/storage/cacher``).

A change concerns few of all watches, and must cost nothing for the others. A watch waits for one trigger: a value that
all its objects have, such as ``spec.nodeName=node-1``. A change pulls the triggers of the object before and after,
because a watch must see objects that begin or cease to match. Upstream's cacher does so for a few fields of a few kinds
(``indexedTriggerFunc``).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.documents.views import View
from fairlead.registry.field_errors import FieldError, forbidden, not_supported
from fairlead.registry.requests import Request, integer_option
from fairlead.registry.selectors import Selection
from fairlead.registry.status import expired, invalid
from fairlead.registry.store import Change, State
from fairlead.registry.verbs.lists import requested_version

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class PermittedWatch(NamedTuple):
    """An accepted watch.

    Attributes:
        version: changes after this one are to be shown.
        initial: existing documents, to send as ADDED first.
        announce_end: a bookmark must follow the initial documents.
        seconds: after which the watch ends; 0 leaves it to the server.
        bookmarks: the client understands bookmarks.
        warnings: texts for ``Warning`` headers.
    """

    view: View
    selection: Selection
    version: int
    initial: tuple[bytes, ...]
    announce_end: bool
    seconds: int
    bookmarks: bool
    warnings: tuple[str, ...] = ()


class Event(NamedTuple):
    """The event of a change for a watcher. ``left`` marks a DELETED for an object that still exists."""

    type: str
    left: bool = False

    def document(self, change: Change) -> bytes:
        """The object as the event carries it; one that left is shown as it last matched, at the change's version."""
        if not self.left:
            return change.after.document
        assert change.before is not None
        before: Doc = msgspec.json.decode(change.before.document)
        before["metadata"]["resourceVersion"] = str(change.version)
        return msgspec.json.encode(before)


def begin_watch(request: Request, selection: Selection, view: View, state: State) -> PermittedWatch:
    """The watch that a request asks for.

    Raises:
        ApiError: 422 contradictory options, 410 the version is too old, 504 it is in the future.
    """
    _check_options(request)
    version = requested_version(request, state)
    storage = view.resource.storage
    announce = request.flag("sendInitialEvents")
    suppressed = "sendInitialEvents" in request.query and not announce
    from_here = (announce or version == 0) and not suppressed
    if not from_here and version == 0:
        version = state.version
    compacted = state.log(storage).compacted
    if not from_here and version < compacted:
        raise expired(f"too old resource version: {version} ({compacted})")
    objects = state.of(storage) if from_here else {}
    initial = tuple([objects[key].document for key in selection.selected(objects)])
    seconds = integer_option(request, "timeoutSeconds") or 0
    bookmarks = request.flag("allowWatchBookmarks")
    start = state.version if from_here else version
    return PermittedWatch(view, selection, start, initial, announce and bookmarks, seconds, bookmarks)


def event_for(change: Change, selection: Selection) -> Event | None:
    """The event of the change for a watcher with this selection; None if there is none."""
    was = change.before is not None and selection.wants(change.key, change.before)
    if change.deleted:
        return Event("DELETED") if was else None
    if selection.wants(change.key, change.after):
        return Event("MODIFIED" if was else "ADDED")
    return Event("DELETED", left=True) if was else None


def _check_options(request: Request) -> None:
    match = request.query.get("resourceVersionMatch", "")
    initial = request.query.get("sendInitialEvents")
    path = "resourceVersionMatch"
    faults: list[FieldError] = []
    if initial is None and match:
        detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        faults.append(forbidden(path, detail))
    elif initial is not None and not match:
        faults.append(forbidden(path, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
    elif initial is not None and match != "NotOlderThan":
        faults.append(not_supported(path, match, ["NotOlderThan"]))
    if faults:
        raise invalid("ListOptions", "", faults, "meta.k8s.io")


def frame(type_: str, document: bytes) -> bytes:
    """One line of a watch's stream."""
    return b'{"type":"' + type_.encode() + b'","object":' + document + b"}\n"


def bookmark(view: View, version: int, initial_end: bool, kinds: Any) -> bytes:
    """The bookmark event: the version that a watcher has reached."""
    metadata: Doc = {"resourceVersion": str(version)}
    if initial_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return frame("BOOKMARK", view.bookmark(metadata, kinds))


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
        if not term.negated and term.read is None:
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
