"""The network namespaces of a lab: the switch, which is that of PID 1, the outside, one for each node, and one for the
wire to other hosts, if there is one. On a host that has joined, the switch is only a bridge: the outside and the
switch's address are on the lab's first host."""

import os
from collections.abc import Iterable

from fairlead.app.lab.plan import OUTSIDE, SWITCH, WIRE, LabPlan
from fairlead.app.lab.settings import LabSettings
from fairlead.drivers.lab.wire_ends import send_whole_frames
from fairlead.drivers.linux import netns
from fairlead.labnet import links
from fairlead.labnet.addresses import PLANS
from fairlead.labnet.balancing import LoadBalancing, first_routes
from fairlead.labnet.links import NodeNetwork


class Networks:
    """Descriptors of the namespaces, and the cables between them. The caller's namespace must be empty, and becomes the
    switch."""

    def __init__(self, plan: LabPlan) -> None:
        self._families, self._mtu = plan.settings.ip_families, plan.mtu
        cables = {node.name: (node.cable, node.address) for node in plan.nodes}
        if not plan.has_joined:
            cables = {OUTSIDE: (OUTSIDE, PLANS[self._families[0]].outside), **cables}
        self._descriptors = {name: netns.new_namespace(self._families) for name in cables}
        self._descriptors[SWITCH] = netns.current_namespace()
        everybody = [*plan.nodes, *plan.invited]
        if plan.has_joined:
            netns.run_ip(links.bridge_commands())
        else:
            netns.prepare_namespace(self._families)
            netns.run_ip(links.switch_commands(everybody, self._families))
            netns.enable_forwarding(self._families)
        plugged = [c for name in cables for c in links.cable_commands(*cables[name], self[name], self._mtu)]
        netns.run_ip(plugged, inherited=self._descriptors.values())
        if plan.wire:
            self._add_wire()
        if OUTSIDE in cables:
            self._furnish_outside(plan.settings)
        for node in plan.nodes:
            self._furnish(node, everybody)

    def __getitem__(self, name: str) -> int:
        return self._descriptors[name]

    def connect(self, node: NodeNetwork, others: Iterable[NodeNetwork]) -> None:
        """Create a namespace with a cable for a node, and add routes to its Pods on the others."""
        self._descriptors[node.name] = netns.new_namespace(self._families)
        descriptor = self[node.name]
        netns.run_ip(links.cable_commands(node.cable, node.address, descriptor, self._mtu), inherited=[descriptor])
        self._furnish(node, others)
        self.add_routes(node, others)

    def add_routes(self, node: NodeNetwork, others: Iterable[NodeNetwork]) -> None:
        """Add routes on all nodes to the Pods of a node that is, or will be, on the underlay."""
        netns.run_ip(links.pod_routes([node]))
        for other in self._present(others):
            if other != node:
                self._run_in(other.name, links.pod_routes([node]))

    def disconnect(self, node: NodeNetwork) -> None:
        """Remove a node's cable and namespace; the routes to it stay on the others."""
        if node.name in self._descriptors:
            netns.run_ip([f"link del {node.cable}"])
            os.close(self._descriptors.pop(node.name))

    def forget(self, node: NodeNetwork, others: Iterable[NodeNetwork]) -> None:
        """Remove all routes to the Pods of a disconnected node."""
        netns.run_ip(links.no_pod_routes(node))
        for other in self._present(others):
            self._run_in(other.name, links.no_pod_routes(node))

    def set_cable(self, node: NodeNetwork, *, is_up: bool) -> None:
        """Plug a node's cable in, or pull it."""
        netns.run_ip([f"link set {node.cable} {'up' if is_up else 'down'}"])

    def has(self, node: NodeNetwork) -> bool:
        return node.name in self._descriptors

    def close(self) -> None:
        """Close all namespaces: each then lasts as long as a process is in it."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)

    def _add_wire(self) -> None:
        """A cable that carries frames to the wire's process, in a namespace where no other process receives them."""
        self._descriptors[WIRE] = netns.new_namespace(())
        netns.run_ip(links.wire_commands(self[WIRE], self._mtu), inherited=[self[WIRE]])
        send_whole_frames(links.WIRE)
        netns.send_no_redirects()
        self._run_in(WIRE, links.wire_end_commands())

    def _present(self, nodes: Iterable[NodeNetwork]) -> list[NodeNetwork]:
        return [node for node in nodes if self.has(node)]

    def _furnish(self, node: NodeNetwork, others: Iterable[NodeNetwork]) -> None:
        self._run_in(node.name, links.node_commands(node, others), forwarding=True)

    def _furnish_outside(self, settings: LabSettings) -> None:
        ways = first_routes(settings.load_balancing, settings.load_balancer_cidrs)
        self._run_in(OUTSIDE, [*links.outside_commands(self._families), *ways])
        if settings.load_balancing != LoadBalancing.ONE_NODE:
            netns.enter(self[OUTSIDE])
            netns.spread_by_ports(self._families)
            netns.enter(self[SWITCH])

    def _run_in(self, name: str, commands: list[str], *, forwarding: bool = False) -> None:
        netns.enter(self[name])
        try:
            netns.run_ip(commands)
            if forwarding:
                netns.enable_forwarding(self._families)
                netns.check_sources(self._families)
                netns.send_no_redirects()
        finally:
            netns.enter(self[SWITCH])
