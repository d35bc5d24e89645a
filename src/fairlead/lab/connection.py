"""A program's connection with a running lab: its API, its control socket, and a process that enters it."""

import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fairlead.app.lab.processes.bootstrap import ServedResources
from fairlead.drivers.kube.client import KubeClient, KubeError, Unreachable
from fairlead.drivers.lab.enter import EnteredCommand
from fairlead.drivers.lab.forker_client import Forker
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.lab.background import Background
from fairlead.lab.errors import LabError
from fairlead.lab.places import OUTSIDE, EntryPoint, enter_network, enter_place

T = TypeVar("T")


class LabConnection:
    """The connection that a ``Lab`` and its namespaces share; opened on first use, closed with the lab."""

    def __init__(self, lab: RunningLab) -> None:
        self.lab = lab
        self._lock = threading.Lock()
        self._background: Background | None = None
        self._client: KubeClient | None = None
        self._forker: Forker | None = None

    @property
    def background(self) -> Background:
        with self._lock:
            if self._background is None:
                self._background = Background(self.lab.name)
            return self._background

    @property
    def forker(self) -> Forker:
        with self._lock:
            if self._forker is None:
                self._forker = Forker()
            return self._forker

    def ask(self, work: Callable[[KubeClient, ServedResources], Coroutine[Any, Any, T]]) -> T:
        """The result of a request to the API.

        Raises:
            LabError: the API refuses the request or does not answer; also what the work itself raises.
        """

        async def act() -> T:
            try:
                if self._client is None:
                    self._client = KubeClient.from_kubeconfig(self.lab.kubeconfig, part="lab")
                return await work(self._client, ServedResources(self._client))
            except (KubeError, Unreachable) as error:
                raise LabError(str(error)) from error

        return self.background.call(act())

    def enter(self, namespace: str, where: str) -> EntryPoint:
        """See ``enter_place``."""
        return enter_place(self.lab, namespace, where)

    def enter_network(self, namespace: str, where: str) -> EntryPoint:
        """Only the network of a place, as the lab's root: for sockets and for rules."""
        return enter_network(self.lab, namespace, where)

    def close(self) -> None:
        """Close everything; the lab keeps running."""
        with self._lock:
            if self._background and self._client:
                with suppress(Exception):  # the lab may have gone before its connections
                    self._background.call(self._client.close())
            if self._background:
                self._background.close()
            if self._forker:
                self._forker.close()
            self._background = self._client = self._forker = None


__all__ = ["OUTSIDE", "EnteredCommand", "EntryPoint", "LabConnection"]
