"""A lab without namespaces: the loopback addresses of its nodes, and the settings that it does not support."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from msgspec import structs

from fairlead.allocation.load_balancer import AddressPool
from fairlead.app.lab.fork import LabError
from fairlead.app.lab.settings import NO_PROXY, LabNode, LabSettings
from fairlead.labnet.addresses import IPV4_ONLY, AddressPlan, usual_address, usual_pod_cidr
from fairlead.labnet.balancing import LoadBalancing
from fairlead.labnet.loopback import MAX_NODES, is_in, lab_network, loopback_plan
from fairlead.model.addresses import IPFamily

# What needs a network of the lab's own: whether settings ask for it, and how users call it.
_NEEDS_NAMESPACES: tuple[tuple[Callable[[LabSettings], bool], str], ...] = (
    (lambda wanted: wanted.ip_families != IPV4_ONLY, "--dual-stack, ipFamilies: IPv6 has only one loopback address"),
    (lambda w: w.proxy_mode == "iptables", "--proxy-mode iptables: such a lab writes no rules to the kernel"),
    (lambda w: w.proxy_mode == NO_PROXY, "--proxy-mode none: such a lab has no network for another proxy"),
    (lambda wanted: any(node.proxy_mode == "iptables" for node in wanted.nodes), "nodes[].proxyMode iptables"),
    (lambda wanted: any(node.proxy_mode == NO_PROXY for node in wanted.nodes), "nodes[].proxyMode none"),
    (lambda wanted: wanted.publish, "--publish: everything answers on this machine's loopback already"),
    (lambda wanted: wanted.load_balancing != LoadBalancing.SPREAD, "--load-balancing, loadBalancing other than spread"),
    (lambda wanted: wanted.bgp is not None, "bgp"),
    (lambda wanted: bool(wanted.control_plane), "--control-plane: these programs accept no loopback addresses"),
    (lambda wanted: wanted.pull, "--pull: images need root folders of their own"),
    (lambda wanted: any(node.index > MAX_NODES for node in wanted.nodes), f"more than {MAX_NODES} nodes"),
    (lambda wanted: any(_has_own_place(node) for node in wanted.nodes), "nodes[].addresses, nodes[].podCIDRs"),
)


def _has_own_place(node: LabNode) -> bool:
    usual = (usual_address(node.index, IPFamily.IPV4),), (usual_pod_cidr(node.index, IPFamily.IPV4),)
    return (node.addresses, node.pod_cidrs) != usual


def refusals(wanted: LabSettings) -> list[str]:
    """The settings that a lab without namespaces does not support, as messages for its user."""
    return [words for applies, words in _NEEDS_NAMESPACES if applies(wanted)]


def on_loopback(wanted: LabSettings, number: int) -> LabSettings:
    """The settings with everything at its place on loopback.

    Args:
        number: of the lab, which decides where that is.

    Raises:
        LabError: they ask for what needs namespaces, or for addresses that are elsewhere.
    """
    if faults := refusals(wanted):
        raise LabError(f"without namespaces a lab cannot have: {'; '.join(faults)}")
    plan = loopback_plan(number)
    nodes = tuple(at_place(node, plan) for node in wanted.nodes)
    return structs.replace(wanted, nodes=nodes, pools=_pools(wanted.pools, number))


def at_place(node: LabNode, plan: AddressPlan) -> LabNode:
    """The node at the place that its number has in a plan."""
    return replace(node, addresses=(plan.node.format(10 + node.index),), pod_cidrs=(plan.node_pods.format(node.index),))


def _pools(pools: Iterable[AddressPool] | None, number: int) -> tuple[AddressPool, ...]:
    if pools is None:
        return (AddressPool((loopback_plan(number).load_balancers,)),)
    network = lab_network(number)
    for pool in pools:
        for cidr in pool.cidrs:
            if not is_in(cidr.partition("/")[0], network):
                raise LabError(f"loadBalancerPools: {cidr} is not in {network}, where this lab has its addresses")
    return tuple(pools)
