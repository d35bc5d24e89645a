"""A program's connection with a running lab: its API, its control socket, and a process that enters it."""

import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fairlead.app.lab.commands import enter
from fairlead.app.lab.processes.bootstrap import Resources
from fairlead.drivers.kube.client import KubeClient, KubeError, Unreachable
from fairlead.drivers.lab.enter import Command, Place
from fairlead.drivers.lab.forker_client import Forker
from fairlead.drivers.lab.run_folder import RunningLab
from fairlead.lab.background import Background
from fairlead.lab.errors import LabError

T = TypeVar("T")

OUTSIDE, SWITCH = "outside", "switch"
_NETWORKS = {OUTSIDE: "enter-outside", SWITCH: "enter-switch"}
_NODE = "node/"


class Entry:
    """Where a command or a socket of a test is to be, entered by descriptors; close it."""

    def __init__(self, place: Place, environment: dict[str, str] | None) -> None:
        self.place, self.environment = place, environment

    def __enter__(self) -> "Entry":
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self.place.descriptors:
            with suppress(OSError):
                os.close(fd)


class Connection:
    """What a ``Lab`` and its namespaces share; made when first used, closed with the lab."""

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

    def ask(self, work: Callable[[KubeClient, Resources], Coroutine[Any, Any, T]]) -> T:
        """The result of what is asked of the API.

        Raises:
            LabError: it refuses, or does not answer; beside what the work itself raises.
        """

        async def act() -> T:
            try:
                if self._client is None:
                    self._client = KubeClient.from_kubeconfig(self.lab.kubeconfig, part="lab")
                return await work(self._client, Resources(self._client))
            except (KubeError, Unreachable) as error:
                raise LabError(str(error)) from error

        return self.background.call(act())

    def enter(self, namespace: str, where: str) -> Entry:
        """A Pod (``NAME`` or ``NAME/CONTAINER``), ``node/NAME``, or ``outside``.

        Raises:
            LabError: there is no such place.
        """
        if where in _NETWORKS:
            return self._enter_network({"op": _NETWORKS[where]})
        if where.startswith(_NODE):
            return self._enter_network({"op": "enter-node", "node": where.removeprefix(_NODE)})
        pod, _, container = where.partition("/")
        reply = enter.ask(self.lab, {"op": "enter-pod", "namespace": namespace, "pod": pod, "container": container})
        return Entry(enter.pod_place(reply), dict(reply.document["environment"]))

    def enter_network(self, namespace: str, where: str) -> Entry:
        """The network of a place alone, as the lab's root: for sockets and for rules."""
        if where in _NETWORKS or where.startswith(_NODE):
            return self.enter(namespace, where)
        if self.lab.loopback is not None:
            return self.enter(namespace, where)
        with self.enter(namespace, where) as pod:
            outside = self._enter_network({"op": "enter-outside"})
            os.close(outside.place.descriptors[1])
            network = os.dup(pod.place.process)
            return Entry(Place(outside.place.process, outside.place.has_user_namespace, network, None), None)

    def _enter_network(self, request: dict[str, Any]) -> Entry:
        reply = enter.ask(self.lab, request)
        return Entry(enter.network_place(reply), None)

    def close(self) -> None:
        """Let go of everything; the lab goes on."""
        with self._lock:
            if self._background and self._client:
                with suppress(Exception):  # the lab may have gone before its connections
                    self._background.call(self._client.close())
            if self._background:
                self._background.close()
            if self._forker:
                self._forker.close()
            self._background = self._client = self._forker = None


__all__ = ["OUTSIDE", "Command", "Connection", "Entry"]
