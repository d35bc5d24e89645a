"""How chance falls where rules leave something to it: every way in turn, or one way at random."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar
from zlib import crc32

T = TypeVar("T")


class Chance(Protocol):
    """How chance falls where rules leave something to it."""

    def pick(self, among: Sequence[T], by: str = "") -> T:
        """One of these, which may be there several times; for the same ``by``, if that is given, always the same."""

    def happens(self, part: int, whole: int) -> bool:
        """Whether something does that does so in ``part`` of ``whole`` cases."""


class Choices:
    """The decisions that chance took on one way, and how many there were to choose from.

    What is there several times is one choice. The kernel's hash of a source is not known, so each is possible.
    """

    def __init__(self, prefix: Sequence[int]) -> None:
        self._prefix = prefix
        self.taken: list[tuple[int, int]] = []

    def pick(self, among: Sequence[T], by: str = "") -> T:
        ways = list(dict.fromkeys(among))
        return ways[self.choose(len(ways))]

    def happens(self, part: int, whole: int) -> bool:
        """Chance 0 stands for yes, so that the first way through a chain takes its first endpoint."""
        return part == whole or self.choose(2) == 0

    def choose(self, among: int) -> int:
        """A number below ``among``; 0 on the first way."""
        position = len(self.taken)
        choice = self._prefix[position] if position < len(self._prefix) else 0
        self.taken.append((choice, among))
        return choice

    def next_prefix(self) -> list[int] | None:
        """The decisions of the next way that has not been taken; None after the last."""
        taken = list(self.taken)
        while taken:
            choice, among = taken.pop()
            if choice + 1 < among:
                return [*(c for c, _ in taken), choice + 1]
        return None


class Draws:
    """Chance as it falls once, each way as likely as the rules have it.

    Args:
        below: a random number below its argument.
    """

    def __init__(self, below: Callable[[int], int]) -> None:
        self._below = below

    def pick(self, among: Sequence[T], by: str = "") -> T:
        return among[crc32(by.encode()) % len(among) if by else self._below(len(among))]

    def happens(self, part: int, whole: int) -> bool:
        return self._below(whole) < part


def every_way(follow: Callable[[Choices], T]) -> Iterator[T]:
    """What ``follow`` returns for each way that chance can fall; it makes all its decisions by its argument."""
    prefix: list[int] | None = []
    while prefix is not None:
        choices = Choices(prefix)
        yield follow(choices)
        prefix = choices.next_prefix()
