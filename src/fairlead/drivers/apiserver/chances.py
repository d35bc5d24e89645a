"""Random choices that repeat when a request is computed again: UIDs, names, addresses, ports."""

from collections.abc import Callable
from typing import Generic, TypeVar

from fairlead.registry.environment import Environment


class Chances:
    """The chances of one request."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._uids: _Repeated[str] = _Repeated()
        self._choices: _Repeated[int] = _Repeated()

    def environment(self, now: str) -> Environment:
        """The surroundings in which the request is worked out, at a moment that stands."""
        return self._env._replace(now=now, new_uid=self._new_uid, choose=self._choose)

    def repeat(self) -> None:
        """Begin again with the first."""
        self._uids.repeat()
        self._choices.repeat()

    def _new_uid(self) -> str:
        return self._uids.take(self._env.new_uid)

    def _choose(self, below: int) -> int:
        # Another state can lead to a choice among fewer.
        return self._choices.take(lambda: self._env.choose(below)) % below


T = TypeVar("T")


class _Repeated(Generic[T]):
    def __init__(self) -> None:
        self._known: list[T] = []
        self._taken = 0

    def take(self, make: Callable[[], T]) -> T:
        if self._taken == len(self._known):
            self._known.append(make())
        self._taken += 1
        return self._known[self._taken - 1]

    def repeat(self) -> None:
        self._taken = 0
