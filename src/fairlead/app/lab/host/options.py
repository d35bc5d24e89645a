"""A lab as a user requests it, and the reports about its start."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.app.lab.loopback import refusals
from fairlead.app.lab.plan import LabManifest
from fairlead.app.lab.settings import LabSettings
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.model.socket_address import SocketAddress

if TYPE_CHECKING:
    from fairlead.app.lab.invitation import Invitation


@dataclass(frozen=True)
class LabOptions:
    """A lab as the user requests it.

    Attributes:
        data: the data folder; None: the data lasts only as long as the lab runs.
        patience: seconds until everything must be ready; None waits indefinitely.
        wire: address of this machine for the lab's connection with other hosts, if it has one.
        invitation: to a lab of another host; this host then starts no lab itself.
        userspace: whether the lab is made without namespaces; None: only if this machine refuses them.
        owners: descriptors that become readable when the lab must end, such as a pipe whose other end is closed, or a
            pidfd of a process that has ended.
    """

    name: str
    data: Path | None
    manifests: tuple[LabManifest, ...]
    settings: LabSettings
    patience: float | None
    wire: SocketAddress | None = None
    invitation: "Invitation | None" = None
    owners: tuple[int, ...] = ()
    userspace: bool | None = None

    @property
    def may_do_without(self) -> bool:
        """Whether the lab is to go without namespaces where they are refused."""
        needs_them = self.invitation is not None or self.wire is not None or bool(refusals(self.settings))
        return self.userspace is None and not needs_them


@dataclass(frozen=True)
class Settled:
    """Everything is ready.

    Attributes:
        seconds: time since the start of the lab.
        nodes: the names of the nodes on this host.
        pods: the number of ready Pods.
        name_servers: the ready Pods of the cluster's DNS.
    """

    lab: RunningLab
    seconds: float
    nodes: tuple[str, ...]
    pods: int = 0
    name_servers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listener:
    """Receives the progress of a lab: ``tell`` gets short lines."""

    tell: Callable[[str], None]
    settled: Callable[[Settled], None]
