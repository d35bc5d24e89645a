"""The network namespaces of a lab: the switch, which is PID 1's own, the world outside, and one for each node."""

from collections.abc import Iterable, Mapping

from fairlead.app.lab_plan import OUTSIDE, SWITCH
from fairlead.drivers import netns
from fairlead.drivers.netns import NodeNetwork


def make_networks(nodes: Iterable[NodeNetwork]) -> Mapping[str, int]:
    """Turn the caller's empty network namespace into the switch, and connect the others to it; descriptors by name."""
    nodes = list(nodes)
    cables = {OUTSIDE: OUTSIDE, **{node.name: node.cable for node in nodes}}
    networks = {name: netns.new_namespace() for name in cables}
    networks[SWITCH] = netns.current_namespace()
    netns.run_ip(netns.switch_commands(nodes))
    netns.enable_forwarding()
    plugged = [command for name in cables for command in netns.cable_commands(cables[name], networks[name])]
    netns.run_ip(plugged, inherited=networks.values())
    netns.enter(networks[OUTSIDE])
    netns.run_ip(netns.outside_commands())
    for node in nodes:
        netns.enter(networks[node.name])
        netns.run_ip(netns.node_commands(node, nodes))
        netns.enable_forwarding()
    netns.enter(networks[SWITCH])
    return networks
