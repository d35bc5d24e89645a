"""The rules of one node as typed values: what another lab has in a kernel is evaluated here for each connection."""

from collections.abc import Callable, Collection
from typing import NamedTuple

import msgspec

from fairlead.app.proxy.userspace.affinity import ClientMemory
from fairlead.dataplane import nft_rules, nft_skeleton
from fairlead.dataplane.conntrack import Flow
from fairlead.dataplane.forwarding import NodeView, serve_alike
from fairlead.dataplane.incremental import Applied, advance, build
from fairlead.dataplane.node_view import NodeSettings, view_node
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Node
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.netfilter.ruleset import Table
from fairlead.netfilter.transaction import apply
from fairlead.netpolicy import enforcement
from fairlead.netpolicy.census import Census
from fairlead.netpolicy.enforcement import Changed, Enforced
from fairlead.netpolicy.nft_rules import NftPolicies
from fairlead.trace.chance import Chance
from fairlead.trace.evaluate import Host, Sample, sample
from fairlead.trace.packet import Packet

FAMILY = IPFamily.IPV4  # the one with more than one loopback address
_POLICIES = NftPolicies(FAMILY)


class NodeSurroundings(NamedTuple):
    """The settings that all nodes of a lab share.

    Attributes:
        network: all addresses of the lab, in CIDR notation: none of them is "this host" as loopback usually is.
    """

    settings: NodeSettings
    network: str


def view_of(around: NodeSurroundings, name: str, node: Node | None) -> NodeView:
    """The view of a node whose addresses are loopback addresses, on which node ports answer."""
    addresses = node.internal_ips if node else ()
    view = view_node(around.settings, name, node, addresses, FAMILY)
    return msgspec.structs.replace(view, node_port_ips=view.node_ips[:1])


class NodeRules:
    """The tables of one node, and what they remember of clients.

    Args:
        clock: seconds of a clock that never goes back.
    """

    def __init__(self, name: str, around: NodeSurroundings, clock: Callable[[], float]) -> None:
        self.name = name
        self._around = around
        self._applied: Applied | None = None
        self._services = Table()
        self._policies = Table()
        self._enforced: Enforced | None = None
        self.affinity = ClientMemory(clock)

    @property
    def view(self) -> NodeView:
        return self._applied.view if self._applied else view_of(self._around, self.name, None)

    def follow(self, snapshot: ClusterSnapshot, changed: Collection[ObjectKey]) -> frozenset[Flow]:
        """Bring the rules of Services to this snapshot; the flows that are stale now.

        Args:
            changed: Services that may differ from the snapshot before.
        """
        view, applied = view_of(self._around, self.name, snapshot.nodes.get(self.name)), self._applied
        if applied is None or not serve_alike(applied.view, view):
            skeleton = nft_skeleton.skeleton(view)
            self._services, self._applied = build(snapshot, view, skeleton, nft_rules.service_part, applied)
            return frozenset()
        change = advance(applied, snapshot, changed, nft_rules.service_part)
        self._services, self._applied = apply(change.transaction, self._services), change.applied
        self.affinity.forget(change.gone)
        return change.stale

    def enforce(self, census: Census, changed: Changed) -> None:
        """Bring the rules of NetworkPolicies to this state."""
        if self._enforced is not None and self._enforced.isolated:
            step = enforcement.advance(self._enforced, census, changed, self.name, _POLICIES)
            self._policies, self._enforced = apply(step.transaction, self._policies), step.enforced
        else:  # without isolated Pods there is no frame yet that a step could add to
            self._policies, self._enforced = enforcement.build(census, self.name, _POLICIES)

    def host(self, source: str) -> Host:
        """The node as rules see it that meet a packet from this address."""
        tables = (self._services, self._policies)
        addresses, network = frozenset(self.view.node_ips), self._around.network
        return Host(addresses, tables, self.affinity.of(source), (network,))

    def sample(self, packet: Packet, chance: Chance) -> Sample:
        """One way of a packet through the rules, which then remember what they note of it."""
        sampled = sample(self.host(packet.source), packet, chance)
        self.affinity.note(packet.source, sampled.noted, self._timeouts())
        return sampled

    def _timeouts(self) -> dict[str, int]:
        return {name: set_.timeout for name, set_ in self._services.sets.items() if set_.timeout is not None}
