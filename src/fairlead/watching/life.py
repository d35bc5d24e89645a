"""The state machine of one watch: from events and their times to the next action.

Theory of operation. A watch is opened for a bounded time, and opened again when the server ends it. Four things that
look alike must be told apart:

- *Nothing happens.* A quiet collection sends nothing for hours, not even bookmarks. That is no failure: it neither
  waits nor counts as broken. After a silent watch one cheap read asks for the collection's version.
- *Nobody is there.* The connection says so (keep-alive, a read that is not answered), or the server does not end the
  watch when it was asked to. The watch is resumed where it was, with back-off.
- *The server cannot go on from our version* (410): the collection is listed again.
- *History has changed*, as after a restore of etcd. If versions are lower than ours, an event or the cheap read says
  so. If they have overtaken ours meanwhile, a watch goes on as if nothing had happened, and only a list can tell. A
  history cannot change under an open watch of a real server, so a watch that ended before its time is doubted, and
  followed by a list within ``DOUBTED``. Should one do so nevertheless, the version is ahead of ours after a silence,
  as it is when only other collections have changed; then there is a list too, but more and more rarely.

Protocol: Kubernetes API concepts, "Efficient detection of changes"; client-go ``tools/cache/reflector.go``.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple

WATCH_SECONDS = (60.0, 80.0)  # how long a watch is asked for; spread, so that a thousand clients do not come at once
SILENT = 30.0  # seconds at the end of a watch without an event, after which the collection's version is asked for
OVERDUE = 10.0  # seconds after which a watch that should have ended is given up
ORDERLY = 5.0  # seconds before its time at which a watch may end without being doubted: servers round
BRIEF = 1.0  # a silent watch that ends sooner is a failure: to reopen it at once would be a busy loop
FIRST_RETRY, LAST_RETRY = 0.05, 5.0  # seconds between attempts, doubling; the second half of each is left to chance
LONGEST_RETRY_AFTER = 60.0  # seconds; a server that asks for more is asked sooner
DOUBTED = (20.0, 60.0)  # seconds from a doubt to the list that settles it
FIRST_VERIFIED, LAST_VERIFIED = 50.0, 3600.0  # seconds between lists of a silent collection, doubling
SHORTEST_WATCH = 15.0  # seconds; no proxy cuts quiet connections sooner
ALIKE = 0.2  # how far the ages of two cut watches may differ to be the doing of one proxy


class List(NamedTuple):
    """Read the whole collection."""


class Watch(NamedTuple):
    """Watch from a version on, for so many seconds."""

    version: str
    seconds: float


class Check(NamedTuple):
    """Read a minimal page of the collection, to learn its version."""


class Wait(NamedTuple):
    """Do nothing for so many seconds."""

    seconds: float


Step = List | Watch | Check | Wait


class Fault(Enum):
    """The cause of a failure. GONE: the server no longer has our version; REFUSED: it denies the watch; BROKEN: no
    answer."""

    GONE = auto()
    REFUSED = auto()
    BROKEN = auto()


def is_lower(version: str, than: str) -> bool:
    """Whether a version is from before another. Versions are numbers (KEP-5504); others cannot be compared."""
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)


@dataclass(frozen=True, slots=True)
class Life:
    """One moment of a watch's life. All times are seconds on one clock that only goes forward; ``luck`` is below 1.

    Attributes:
        version: up to which the collection is known; empty before the first list and when only a list can help.
        broken_since: since when nothing has been watching, None while something is. Silence does not count.
        opened_at: when the present watch was opened; None between watches.
        heard_at: when the present watch sent something last, else when it was opened.
    """

    version: str = ""
    broken_since: float | None = None
    opened_at: float | None = None
    heard_at: float = 0.0
    _listed: str = ""
    _asked: float = WATCH_SECONDS[0]
    _longest: float = WATCH_SECONDS[1]
    _cut_at: float = 0.0
    _failures: int = 0
    _wait: float = 0.0
    _is_checking: bool = False
    _is_doubted: bool = False
    _verify_at: float = 0.0
    _verify_every: float = FIRST_VERIFIED

    @property
    def has_heard_nothing(self) -> bool:
        """Whether the present watch has sent nothing at all."""
        return self.heard_at == self.opened_at

    @property
    def step(self) -> Step:
        """The next action."""
        if self._wait:
            return Wait(self._wait)
        if not self.version:
            return List()
        return Check() if self._is_checking else Watch(self.version, self._asked)

    def waited(self, now: float) -> "Life":
        """The time of a ``Wait`` is over."""
        return replace(self, _wait=0.0)._due(now)

    def listed(self, version: str, now: float, luck: float, *, is_borne_out: bool = True) -> "Life":
        """The collection has been read, as of a version; ``is_borne_out``: as ``Collection.replace`` says."""
        every = min(2 * self._verify_every, LAST_VERIFIED)
        life = replace(
            self,
            version=version,
            _listed=version,
            _is_doubted=False,
            _verify_at=now + self._verify_every,
            _verify_every=every,
        )
        life = replace(life, _is_checking=False)
        return (life if is_borne_out else life._doubted(now, luck))._asking(now, luck)

    def opened(self, now: float) -> "Life":
        """The server has agreed to a watch."""
        return replace(self, opened_at=now, heard_at=now, broken_since=None)

    def heard(self, version: str, now: float) -> "Life":
        """The watch has sent an event or a bookmark. One from before what is known means another history."""
        if is_lower(version, self.version):
            return replace(self, version="", opened_at=None)
        return replace(self, version=version, heard_at=now, _failures=0)

    def ended(self, now: float, luck: float) -> "Life":
        """The server has ended the watch in good order, or was not stopped from sending when its time was over."""
        lived = now - (now if self.opened_at is None else self.opened_at)
        life, is_silent = replace(self, opened_at=None), now - self.heard_at >= SILENT
        if lived < BRIEF and self.has_heard_nothing:
            return life._doubted(now, luck)._backing_off(luck)._asking(now, luck)
        if lived < self._asked - ORDERLY:
            life = life._doubted(now, luck)
        else:
            life = replace(life, _cut_at=self._cut_at if lived <= self._cut_at else 0.0, _is_checking=is_silent)
        return replace(life, _failures=0)._asking(now, luck)._due(now)

    def checked(self, version: str, now: float, luck: float) -> "Life":
        """The collection's version has been read: our own may not be ahead of it.

        If it is still that of the last list, nothing has happened anywhere. If it is ahead, as it is wherever other
        collections change, only a list tells whether ours is as we know it, and we cannot list each time.
        """
        life = replace(self, _is_checking=False, broken_since=None)
        if is_lower(version, self.version) or (version != self._listed and now >= self._verify_at):
            return replace(life, version="")
        return life._asking(now, luck)

    def failed(self, fault: Fault, now: float, luck: float, retry_after: float = 0.0) -> "Life":
        """The step could not be done, or the watch has broken off; ``retry_after``: seconds, where the server says."""
        life = replace(self, broken_since=now if self.broken_since is None else self.broken_since)
        if fault is Fault.BROKEN:
            life = life._cut(now)._doubted(now, luck)
        life = replace(life, opened_at=None)._backing_off(luck, retry_after)
        if fault is Fault.GONE:
            # The first time at once: a version that was compacted away while we were away is nobody's fault.
            return replace(life, version="", _is_checking=False, _wait=life._wait if life._failures > 1 else 0.0)
        return life._asking(now, luck)

    def _cut(self, now: float) -> "Life":
        """Two silent watches that were cut at one age, and none between them that lived longer, mean a proxy that ends
        quiet connections: from now on the server is asked to end them first, in good order."""
        if self.opened_at is None or not self.has_heard_nothing:
            return replace(self, _cut_at=0.0)
        age, before = now - self.opened_at, self._cut_at
        if age >= SHORTEST_WATCH and abs(age - before) <= ALIKE * age:
            return replace(self, _cut_at=0.0, _longest=max(SHORTEST_WATCH, (1 - ALIKE) * age))
        return replace(self, _cut_at=age)

    def _doubted(self, now: float, luck: float) -> "Life":
        if self._is_doubted:
            return self
        first, last = DOUBTED
        verify_at = now + first + luck * (last - first)
        return replace(self, _is_doubted=True, _verify_at=verify_at, _verify_every=FIRST_VERIFIED)

    def _due(self, now: float) -> "Life":
        """List instead of watching when a doubt has waited long enough."""
        return replace(self, version="") if self._is_doubted and now >= self._verify_at else self

    def _backing_off(self, luck: float, retry_after: float = 0.0) -> "Life":
        delay = min(FIRST_RETRY * 2.0 ** min(self._failures, 30), LAST_RETRY) * (0.5 + luck / 2)
        return replace(self, _failures=self._failures + 1, _wait=max(delay, min(retry_after, LONGEST_RETRY_AFTER)))

    def _asking(self, now: float, luck: float) -> "Life":
        """Choose how long the next watch is asked for."""
        shortest, longest = WATCH_SECONDS
        seconds = min(shortest + luck * (longest - shortest), self._longest)
        if self._is_doubted:
            seconds = min(seconds, max(1.0, self._verify_at - now))
        return replace(self, _asked=seconds)
