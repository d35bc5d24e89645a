"""The values that every controller receives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from fairlead.allocation.load_balancer import AddressPool
from fairlead.app.controllers.custom_kinds import CustomKinds
from fairlead.app.controllers.indexes.node_pods import NodePods
from fairlead.app.controllers.indexes.service_members import ServiceMembers
from fairlead.app.controllers.served_kinds import ServedKinds
from fairlead.app.controllers.watches import ControllerWatches
from fairlead.drivers.change_marks import ChangeMarks
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.kube.event_recorder import EventWriter
from fairlead.drivers.kube.work_queue import Clock
from fairlead.drivers.steering.faults import Steering
from fairlead.model.names import ObjectKey
from fairlead.workloads.node_lifecycle import DEFAULT_TOLERATION


class SigningAuthority(NamedTuple):
    """The files of what signs certificates, both PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class ControllerSettings:
    """Settings of the controllers.

    Attributes:
        node_grace: seconds without a heartbeat after which a Node counts as lost; node agents send one every 10.
        default_toleration: seconds that Pods without a toleration stay on a Node that is not ready.
        load_balancer_pools: addresses for Services of type LoadBalancer; none leaves these to others.
        authority: what signs requests for certificates; None leaves these to others.
        load_balancer_seen: called for each Service of type LoadBalancer that is there, and each change of one.
        dns_deployment: the Deployment of the DNS server, for its autoscaler.
    """

    node_grace: float = 40.0
    default_toleration: float = DEFAULT_TOLERATION
    load_balancer_pools: tuple[AddressPool, ...] = ()
    authority: SigningAuthority | None = None
    load_balancer_seen: Callable[[], None] = lambda: None
    dns_deployment: ObjectKey = ObjectKey("kube-system", "fairlead-dns")  # noqa: RUF009 - a value


@dataclass(frozen=True)
class ControllerContext:
    """The API, the shared copies of its collections, and the time that queues go by.

    Attributes:
        steering: how tests steer the controllers, in a lab.
        marks: listeners for written slices.
    """

    client: KubeClient
    events: EventWriter
    watches: ControllerWatches
    clock: Clock
    settings: ControllerSettings
    steering: Steering | None = None
    marks: ChangeMarks = field(default_factory=ChangeMarks)

    def late(self, what: str) -> float:
        """The seconds for which a test delays this."""
        return self.steering.faults.seconds(what) if self.steering else 0.0

    @cached_property
    def kinds(self) -> ServedKinds:
        """The kinds that the server has; nothing is read of them unless a controller listens."""
        return ServedKinds(self.client, self.watches)

    @cached_property
    def custom_kinds(self) -> CustomKinds:
        """The kinds that users define; made when the first controller asks, shared by all."""
        return CustomKinds(self.client, self.watches, self.clock)

    @cached_property
    def members(self) -> ServiceMembers:
        """The Pods behind every Service; made when the first controller asks, shared by all."""
        return ServiceMembers(self.watches)

    @cached_property
    def node_pods(self) -> NodePods:
        """The Pods of each Node; made when the first controller asks, shared by all."""
        return NodePods(self.watches)
