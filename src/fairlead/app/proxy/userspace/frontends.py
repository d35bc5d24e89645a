"""Frontends of a lab without namespaces: the addresses and ports of Services to listen at."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fairlead.dataplane.forwarding import Fate, NodeView, PortPlan, plan_service
from fairlead.labnet.loopback import is_in
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot

PROTOCOLS = ("tcp", "udp")  # SCTP needs a module of the kernel


class Frontend(NamedTuple):
    """An address and port of a Service; protocol in lower case."""

    address: str
    port: int
    protocol: str

    def __str__(self) -> str:
        return f"{self.address}:{self.port}/{self.protocol.upper()}"


def frontends(snapshot: ClusterSnapshot, key: ObjectKey, views: Iterable[NodeView], network: str) -> set[Frontend]:
    """The frontends of one Service.

    Where there is no endpoint at all there is none, so that the machine itself refuses connections. An address outside
    of the lab's network is not this machine's to listen on.

    Args:
        network: the lab's, in CIDR notation.
    """
    found = {
        frontend
        for view in views
        for plan in plan_service(snapshot, key, view)
        for frontend in (*_internal(plan), *_external(plan, view))
    }
    return {each for each in found if each.protocol in PROTOCOLS and is_in(each.address, network)}


def _internal(plan: PortPlan) -> Iterator[Frontend]:
    if plan.internal is not Fate.REJECT:
        yield Frontend(plan.port.cluster_ip, plan.port.port, plan.port.name.protocol.lower())


def _external(plan: PortPlan, view: NodeView) -> Iterator[Frontend]:
    port, protocol = plan.port, plan.port.name.protocol.lower()
    if plan.external is Fate.REJECT:
        return
    for address in (*port.external_ips, *port.load_balancer_ips):
        yield Frontend(address, port.port, protocol)
    if port.node_port:
        for address in view.node_port_ips or ():
            yield Frontend(address, port.node_port, protocol)
