"""Findings that keep up with the cluster: examined beside the event loop, and never more than a share of the time."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from fairlead.app.ui.views import diagnoses
from fairlead.explain.cluster import Cluster

_REST = 0.5  # seconds between examinations
_SHARE = 5.0  # times what the last one took, that is rested after it


class Doctor:
    """Examines the newest cluster that it has been shown.

    Args:
        wake: called when there is another diagnosis.

    Attributes:
        diagnoses: the newest, by language; None before the first.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self.diagnoses: Mapping[str, Any] | None = None
        self._wanted: Cluster | None = None
        self._done: Cluster | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = wake

    def look_at(self, cluster: Cluster) -> None:
        """Examine this cluster, unless that has been done."""
        self._wanted = cluster
        if cluster is not self._done and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._examine())

    async def _examine(self) -> None:
        try:
            while (cluster := self._wanted) is not None and cluster is not self._done:
                start = time.monotonic()
                found = await asyncio.to_thread(diagnoses, cluster)
                self._done = cluster
                if found != self.diagnoses:
                    self.diagnoses = found
                    self._wake()
                await asyncio.sleep(max(_REST, _SHARE * (time.monotonic() - start)))
        finally:
            self._task = None
