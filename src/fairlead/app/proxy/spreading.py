"""Tells when the kernel forwards by a version of an EndpointSlice."""

import time
from pathlib import Path

from fairlead.drivers.change_marks import ChangeMarks
from fairlead.model.marks import Mark, Station
from fairlead.model.names import ObjectKey
from fairlead.model.objects import EndpointSlice


class Spreading:
    """The slices that have come since the rules were changed last.

    Args:
        folder: where listeners have their sockets; None: nothing is told.
    """

    def __init__(self, folder: Path | None, node: str) -> None:
        self._marks = ChangeMarks(folder) if folder else None
        self._node = node
        self._heard: dict[ObjectKey, tuple[int, float]] = {}

    def heard(self, slice_: EndpointSlice) -> None:
        """A slice has come."""
        if self._marks is not None:
            self._heard[slice_.key] = slice_.version, time.time()

    def done(self) -> None:
        """The kernel has the rules for all that has come."""
        if self._marks is not None and self._heard:
            now, heard, self._heard = time.time(), self._heard, {}
            self._marks.tell(
                Mark(self._node, Station.RULES, "EndpointSlice", *key, version, began, now)
                for key, (version, began) in heard.items()
            )
