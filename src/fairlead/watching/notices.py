"""When to say that something is wrong: at once, and then ever more rarely, however often it is met."""

from dataclasses import dataclass

FIRST_AGAIN, LAST_AGAIN = 60.0, 3600.0  # seconds between two notices of one trouble, doubling
REMEMBERED = 256  # troubles; the oldest is forgotten first


@dataclass
class _Trouble:
    """One trouble: its begin (None: it is over), the time of the next message about it, and the interval after that."""

    since: float | None
    may_say: float
    every: float = FIRST_AGAIN
    was_said: bool = False


class Notices:
    """The messages of a process so far. All times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._troubles: dict[tuple[str, str], _Trouble] = {}

    def trouble(self, about: str, cause: str, now: float) -> bool:
        """Whether to say that ``about`` has this trouble. One that comes and goes is not said more often than one that
        stays."""
        known = self._troubles.get((about, cause))
        if known is None or now > known.may_say + LAST_AGAIN:
            known = self._remember((about, cause), _Trouble(now, now))
        if known.since is None:
            known.since, known.was_said = now, False
        if now < known.may_say:
            return False
        known.may_say, known.every, known.was_said = now + known.every, min(2 * known.every, LAST_AGAIN), True
        return True

    def relief(self, about: str, now: float) -> float | None:
        """``about`` has recovered: the seconds of the trouble, if it was reported; otherwise None."""
        said = []
        for (other, _), trouble in self._troubles.items():
            if other == about and trouble.since is not None:
                if trouble.was_said:
                    said.append(now - trouble.since)
                trouble.since = None
        return max(said, default=None)

    def _remember(self, key: tuple[str, str], trouble: _Trouble) -> _Trouble:
        self._troubles.pop(key, None)
        self._troubles[key] = trouble
        if len(self._troubles) > REMEMBERED:
            del self._troubles[next(iter(self._troubles))]
        return trouble
