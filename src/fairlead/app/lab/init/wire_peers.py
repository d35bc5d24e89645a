"""The wire of a running lab, as PID 1 manages it: the hosts at its other ends.

When a host joins or leaves, a new process with the new list of hosts replaces the wire's process. Packets that arrive
meanwhile wait in the socket, which stays open. The switch learns its addresses again.
"""

import functools
import socket
from collections.abc import Iterable

from fairlead.app.lab.init.networks import Networks
from fairlead.app.lab.plan import WIRE, LabPlan
from fairlead.app.lab.processes import wire
from fairlead.app.lab.settings import LabNode
from fairlead.drivers.lab.supervisor import Component, Report, Supervisor
from fairlead.model.socket_address import SocketAddress


class LabWire:
    """The wire's process, and the hosts that it leads to."""

    def __init__(
        self, plan: LabPlan, networks: Networks, underlay: socket.socket, report: Report, supervisor: Supervisor
    ) -> None:
        assert plan.wire
        self._supervisor = supervisor
        self._component = functools.partial(_component, plan, networks, underlay, report)
        supervisor.add(self._component([plan.wire.hub] if plan.wire.hub else _peers_of(plan.invited)))

    def set_peers(self, nodes: Iterable[LabNode]) -> None:
        """Connect the wire to the hosts of these nodes only."""
        self._supervisor.kill(WIRE)
        self._supervisor.add(self._component(_peers_of(nodes)))


def _peers_of(nodes: Iterable[LabNode]) -> list[SocketAddress]:
    """The addresses of the other hosts of these nodes."""
    return [node.peer for node in nodes if node.peer]


def _component(
    plan: LabPlan, networks: Networks, underlay: socket.socket, report: Report, peers: Iterable[SocketAddress]
) -> Component:
    assert plan.wire
    options = wire.WireOptions(plan.wire.vni, tuple(peers), underlay, lambda text: report({"note": text}))
    return Component(WIRE, functools.partial(wire.run, options), networks[WIRE], plan.logs / f"{WIRE}.log")
