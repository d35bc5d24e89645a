"""The faults that a part of a lab injects at present."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Fault = Mapping[str, Any]


class SteeredFaults:
    """The active faults, each until it is ended."""

    def __init__(self) -> None:
        self._active: dict[int, Fault] = {}
        self._number = 0
        self._listeners: list[Callable[[], None]] = []

    def listen(self, changed: Callable[[], None]) -> None:
        """Register a listener for begins and ends of faults."""
        self._listeners.append(changed)

    def begin(self, fault: Fault) -> Callable[[], None]:
        """Begin a fault; calling the result ends it."""
        self._number += 1
        number = self._number
        self._active[number] = fault
        self._tell()

        def end() -> None:
            self._active.pop(number, None)
            self._tell()

        return end

    def _tell(self) -> None:
        for changed in self._listeners:
            changed()

    def of(self, kind: str) -> Iterator[Fault]:
        """The faults of a kind, the newest first."""
        for number in sorted(self._active, reverse=True):
            if self._active[number].get("kind") == kind:
                yield self._active[number]

    def seconds(self, kind: str) -> float:
        """For how long the newest of a kind has something wait; 0 when there is none."""
        return next((float(fault["seconds"]) for fault in self.of(kind)), 0.0)

    def __bool__(self) -> bool:
        return bool(self._active)


class Steering(NamedTuple):
    """How a part of a lab is steered.

    Attributes:
        name: of its abstract Unix socket, in the network namespace that it is in.
        faults: what it is to do wrong.
        trusts_user: whether processes are answered that it can see, if they are of its own user.
    """

    name: str
    faults: SteeredFaults
    trusts_user: bool = False

    @classmethod
    def of(cls, part: str, *, trusts_user: bool = False) -> "Steering":
        """The faults of a part that has none."""
        return cls(f"fairlead/{part}", SteeredFaults(), trusts_user)


def steered_name(number: int, place: str, part: str) -> str:
    """The name of a part of a lab without namespaces, unique among all labs.

    Args:
        number: the lab's. place: ``switch``, a node, or a Pod with its namespace.
    """
    return f"{number}/{place}/{part}"
