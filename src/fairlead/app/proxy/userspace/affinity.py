"""Which endpoint each client has, as maps with a timeout remember it in a kernel."""

from collections.abc import Callable, Collection, Mapping

from fairlead.netfilter.ruleset import Target
from fairlead.trace.evaluate import Memory

_FIRST_SWEEP = 1024  # clients


class ClientMemory:
    """The clients that rules with session affinity have recorded on one node.

    Args:
        clock: seconds of a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._swept_at = _FIRST_SWEEP
        self._noted: dict[str, dict[str, tuple[Target, float]]] = {}  # by client, by map: endpoint, end

    def of(self, source: str) -> Memory:
        """The current record of one client."""
        now = self._clock()
        known = self._noted.get(source, {})
        return {(map_, source): target for map_, (target, end) in known.items() if end > now}

    def note(self, source: str, noted: Mapping[str, Target], timeouts: Mapping[str, int]) -> None:
        """Remember what rules have noted of a client just now.

        Args:
            noted: the endpoint, by map. timeouts: seconds, by map.
        """
        if not noted:
            return
        now = self._clock()
        if len(self._noted) > self._swept_at:
            self._sweep(now)
        entries = {map_: (target, now + timeouts[map_]) for map_, target in noted.items()}
        self._noted[source] = {**self._noted.get(source, {}), **entries}

    def _sweep(self, now: float) -> None:
        """Delete expired clients whenever their number has doubled since the last sweep."""
        self._noted = {c: known for c, known in self._noted.items() if any(end > now for _, end in known.values())}
        self._swept_at = max(_FIRST_SWEEP, 2 * len(self._noted))

    def forget(self, gone: Collection[tuple[str, Target]]) -> None:
        """Delete the clients of these targets, each from its map."""
        for client, known in list(self._noted.items()):
            kept = {map_: entry for map_, entry in known.items() if (map_, entry[0]) not in gone}
            if kept:
                self._noted[client] = kept
            else:
                del self._noted[client]
