"""Random choices in rules: every possible choice in turn, or one at random."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar
from zlib import crc32

T = TypeVar("T")


class Chance(Protocol):
    """The source of random choices in rules."""

    def pick(self, among: Sequence[T], by: str = "") -> T:
        """One of these, which can contain duplicates; always the same one for the same ``by``, if that is given."""

    def happens(self, part: int, whole: int) -> bool:
        """True in ``part`` of ``whole`` cases."""


class Choices:
    """The random choices on one path, and the number of options of each.

    Duplicates are one option. The kernel's hash of a source is unknown, so each option is possible.
    """

    def __init__(self, prefix: Sequence[int]) -> None:
        self._prefix = prefix
        self.taken: list[tuple[int, int]] = []

    def pick(self, among: Sequence[T], by: str = "") -> T:
        ways = list(dict.fromkeys(among))
        return ways[self.choose(len(ways))]

    def happens(self, part: int, whole: int) -> bool:
        """Choice 0 means yes, so that the first path through a chain takes its first endpoint."""
        return part == whole or self.choose(2) == 0

    def choose(self, among: int) -> int:
        """A number below ``among``; 0 on the first path."""
        position = len(self.taken)
        choice = self._prefix[position] if position < len(self._prefix) else 0
        self.taken.append((choice, among))
        return choice

    def next_prefix(self) -> list[int] | None:
        """The choices of the next path; None after the last."""
        taken = list(self.taken)
        while taken:
            choice, among = taken.pop()
            if choice + 1 < among:
                return [*(c for c, _ in taken), choice + 1]
        return None


class Draws:
    """Random choices, each as likely as the rules say.

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
    """The results of ``follow`` for all possible choices; it must make every choice by its argument."""
    prefix: list[int] | None = []
    while prefix is not None:
        choices = Choices(prefix)
        yield follow(choices)
        prefix = choices.next_prefix()
