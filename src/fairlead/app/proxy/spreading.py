"""Tells when the kernel forwards by a version of a Service or an EndpointSlice, and enforces one of a NetworkPolicy."""

import time
from collections.abc import Collection
from pathlib import Path

from fairlead.drivers.change_marks import ChangeMarks
from fairlead.model.marks import Mark, Station
from fairlead.model.names import ObjectKey
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import EndpointSlice, Service

SERVICES, POLICIES = ("Service", "EndpointSlice"), ("NetworkPolicy",)


class Spreading:
    """The objects that have come since the rules were changed last.

    Args:
        folder: where listeners have their sockets; None: no marks are sent.
    """

    def __init__(self, folder: Path | None, node: str) -> None:
        self._marks = ChangeMarks(folder) if folder else None
        self._node = node
        self._heard: dict[tuple[str, ObjectKey], tuple[int, float]] = {}

    def heard(self, new: Service | EndpointSlice | NetworkPolicy) -> None:
        """An object has come."""
        if self._marks is not None:
            self._heard[type(new).__name__, new.key] = new.version, time.time()

    def done(self, kinds: Collection[str]) -> None:
        """The kernel has the rules for all of these kinds that has come."""
        about = [key for key in self._heard if key[0] in kinds]
        if self._marks is not None and about:
            now = time.time()
            heard = [(key, *self._heard.pop(key)) for key in about]
            self._marks.tell(
                Mark(self._node, Station.RULES, kind, *key, version, began, now)
                for (kind, key), version, began in heard
            )
