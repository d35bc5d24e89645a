"""What watches are sent of the changes, worked out once for all watches that are alike.

Most watches of a cluster are: every node and every controller watches the same objects in the same form, and follows at
the same pace. Such watches share a feed, and what one of them is sent between two versions is sent to the others as it
is. Watches of other selections still share the encoded form of each change.
"""

from collections import OrderedDict
from weakref import WeakValueDictionary

from fairlead.drivers.clock_text import now_text
from fairlead.registry.documents.views import View
from fairlead.registry.environment import Kinds
from fairlead.registry.selectors import Selection
from fairlead.registry.store import Change, State
from fairlead.registry.verbs.watches import Event, event_for, frame

CACHED_FRAMES = 256
KEPT_BYTES = 64 << 10  # what is longer is sent to watches that begin far back, and these are seldom alike

_FrameKey = tuple[int, str, Event, View]


class WatchFeeds:
    """The feeds of all watches of one server, and the frames that they have in common."""

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._feeds: WeakValueDictionary[tuple[View, Selection], WatchFeed] = WeakValueDictionary()
        self._frames: OrderedDict[_FrameKey, bytes] = OrderedDict()

    def of(self, view: View, selection: Selection) -> "WatchFeed":
        """The feed of all watches with this view and selection; it lives as long as one of them holds it."""
        return self._feeds.setdefault((view, selection), WatchFeed(self, view, selection))

    def frame(self, change: Change, event: Event, view: View) -> bytes:
        """The event of a change in the form of a view."""
        key = (change.version, change.resource, event, view)
        found = self._frames.get(key)
        if found is None:
            document = view.one(event.document(change), self._kinds, now_text())
            found = self._frames[key] = frame(event.type, document)
            if len(self._frames) > CACHED_FRAMES:
                self._frames.popitem(last=False)
        return found


class WatchFeed:
    """The changes of a resource as one selection and one view show them."""

    def __init__(self, feeds: WatchFeeds, view: View, selection: Selection) -> None:
        self._feeds, self._view, self._selection = feeds, view, selection
        self._kept = (-1, -1, b"")  # between which versions, and what was sent

    def between(self, position: int, state: State) -> bytes:
        """The frames of the changes after a version up to a state, all of which are still in its log."""
        after, until, frames = self._kept
        if (after, until) != (position, state.version):
            frames = b"".join(self._frames_of(state, position))
            if len(frames) <= KEPT_BYTES:
                self._kept = (position, state.version, frames)
        return frames

    def _frames_of(self, state: State, position: int) -> list[bytes]:
        changes = state.log(self._view.resource.storage).since(position)
        return [
            self._feeds.frame(change, event, self._view)
            for change in changes
            if (event := event_for(change, self._selection))
        ]
