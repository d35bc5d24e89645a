"""Errors in a Corefile: every fault with its place, all of them reported together."""

from collections.abc import Iterator
from typing import NamedTuple


class FilePlace(NamedTuple):
    """A line of a file; lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class CorefileFault(NamedTuple):
    """One error."""

    place: FilePlace
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class CorefileError(ValueError):
    """A Corefile that cannot be used; the message has a line for each fault, in the order of the file."""

    def __init__(self, faults: list[CorefileFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class Wrong(ValueError):
    """A single mistake in a directive; ``CorefileFaults.at`` turns it into a fault with a place."""


class CorefileFaults:
    """Collects faults, so that the first one does not hide the others."""

    def __init__(self) -> None:
        self.found: list[CorefileFault] = []

    def __iter__(self) -> Iterator[CorefileFault]:
        return iter(self.found)

    def add(self, place: FilePlace, message: str) -> None:
        fault = CorefileFault(place, message)
        if fault not in self.found:  # a snippet that is imported twice is wrong once
            self.found.append(fault)

    def at(self, place: FilePlace) -> "Catching":
        """Within this context, a ``Wrong`` becomes a fault of ``place``, and reading continues."""
        return Catching(self, place)

    def check(self) -> None:
        """Raises: CorefileError: there are faults."""
        if self.found:
            raise CorefileError(self.found)


class Catching:
    """See ``CorefileFaults.at``."""

    def __init__(self, faults: CorefileFaults, place: FilePlace) -> None:
        self._faults, self._place = faults, place

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if isinstance(error, Wrong):
            self._faults.add(self._place, str(error))
            return True
        return False
