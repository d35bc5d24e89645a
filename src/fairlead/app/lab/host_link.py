"""The connections between a lab and the host process: pipes, and sockets of the host's network."""

import contextlib
import json
import os
import socket
from dataclasses import dataclass
from typing import NamedTuple

from fairlead.app.lab.plan import LabPlan
from fairlead.model.document import Doc

NO_NAMESPACES = "without namespaces"  # argument of the first process of a lab without namespaces


class HostSockets(NamedTuple):
    """The sockets of one lab.

    Attributes:
        api: None on a host that has joined a lab.
        wire: None without a wire.
    """

    api: socket.socket | None
    wire: socket.socket | None

    def close(self) -> None:
        for each in self:
            if each:
                each.close()


@dataclass(frozen=True)
class Doors:
    """The connections between a lab and the host process; descriptors are those of pipes.

    Attributes:
        life: never written to; its end of file means that the host process has ended.
        prepared: its end of file means that certificates and kubeconfigs are in place.
        gate: its end of file means that every node agent is ready.
        reports: takes JSON lines.
        sockets: the sockets of the host's network.
        user_namespace: whether the lab has its own user namespace.
    """

    life: int
    prepared: int
    gate: int
    reports: int
    sockets: HostSockets
    user_namespace: bool

    def report(self, document: Doc) -> None:
        """Send a report to the host process, if it still runs; up to 4096 bytes are written in one piece."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.reports, json.dumps(document).encode() + b"\n")


class LabStart(NamedTuple):
    """The input of a lab's PID 1 when it starts; numbers are inherited descriptors.

    Attributes:
        pipes: ``life``, ``prepared``, ``gate`` and ``reports`` of its ``Doors``.
        api, wire: its ``HostSockets``.
        locks: locks of its folders, held as long as a process of the lab runs.
    """

    plan: LabPlan
    pipes: tuple[int, int, int, int]
    api: int | None
    wire: int | None
    locks: tuple[int, ...]
    user_namespace: bool

    @property
    def descriptors(self) -> list[int]:
        """Everything that PID 1 inherits."""
        return [*self.pipes, *self.locks, *(fd for fd in (self.api, self.wire) if fd is not None)]

    def doors(self) -> Doors:
        """The lab's ends, in PID 1."""
        sockets = (None if fd is None else socket.socket(fileno=fd) for fd in (self.api, self.wire))
        return Doors(*self.pipes, HostSockets(*sockets), self.user_namespace)
