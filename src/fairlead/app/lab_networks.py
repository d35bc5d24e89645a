"""The network namespaces of a lab: the switch, which is PID 1's own, the world outside, and one for each node."""

import os
from collections.abc import Iterable

from fairlead.app.lab_plan import OUTSIDE, SWITCH
from fairlead.app.lab_settings import LabSettings
from fairlead.drivers import netns
from fairlead.drivers.lab_addresses import PLANS
from fairlead.drivers.netns import NodeNetwork


class Networks:
    """Descriptors of the namespaces, and the cables between them. The caller's own, still empty, becomes the switch."""

    def __init__(self, settings: LabSettings) -> None:
        nodes, self._families = settings.nodes, settings.ip_families
        cables = {OUTSIDE: (OUTSIDE, PLANS[self._families[0]].outside)}
        cables |= {node.name: (node.cable, node.address) for node in nodes}
        self._descriptors = {name: netns.new_namespace(self._families) for name in cables}
        self._descriptors[SWITCH] = netns.current_namespace()
        netns.prepare_namespace(self._families)
        netns.run_ip(netns.switch_commands(nodes, self._families))
        netns.enable_forwarding(self._families)
        plugged = [command for name in cables for command in netns.cable_commands(*cables[name], self[name])]
        netns.run_ip(plugged, inherited=self._descriptors.values())
        self._run_in(OUTSIDE, netns.outside_commands(self._families, settings.load_balancer_cidrs))
        for node in nodes:
            self._furnish(node, nodes)

    def __getitem__(self, name: str) -> int:
        return self._descriptors[name]

    def connect(self, node: NodeNetwork, others: Iterable[NodeNetwork]) -> None:
        """Give a node a new namespace, on the wire, and tell the others the way to its Pods."""
        self._descriptors[node.name] = netns.new_namespace(self._families)
        descriptor = self[node.name]
        plugged = netns.cable_commands(node.cable, node.address, descriptor)
        netns.run_ip([*plugged, *netns.pod_routes([node])], inherited=[descriptor])
        self._furnish(node, others)
        for other in self._present(others):
            if other != node:
                self._run_in(other.name, netns.pod_routes([node]))

    def disconnect(self, node: NodeNetwork) -> None:
        """Take a node's cable and namespace away; what the others know of it stays."""
        if node.name in self._descriptors:
            netns.run_ip([f"link del {node.cable}"])
            os.close(self._descriptors.pop(node.name))

    def forget(self, node: NodeNetwork, others: Iterable[NodeNetwork]) -> None:
        """Have nobody know the way to the Pods of a node that is disconnected."""
        netns.run_ip(netns.no_pod_routes(node))
        for other in self._present(others):
            self._run_in(other.name, netns.no_pod_routes(node))

    def set_cable(self, node: NodeNetwork, *, is_up: bool) -> None:
        """Plug a node's cable in, or pull it."""
        netns.run_ip([f"link set {node.cable} {'up' if is_up else 'down'}"])

    def has(self, node: NodeNetwork) -> bool:
        return node.name in self._descriptors

    def _present(self, nodes: Iterable[NodeNetwork]) -> list[NodeNetwork]:
        return [node for node in nodes if self.has(node)]

    def _furnish(self, node: NodeNetwork, others: Iterable[NodeNetwork]) -> None:
        self._run_in(node.name, netns.node_commands(node, others), forwarding=True)

    def _run_in(self, name: str, commands: list[str], *, forwarding: bool = False) -> None:
        netns.enter(self[name])
        try:
            netns.run_ip(commands)
            if forwarding:
                netns.enable_forwarding(self._families)
        finally:
            netns.enter(self[SWITCH])
