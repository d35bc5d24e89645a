"""A lab without namespaces as its proxies see it: the rules of every node, and where Services listen."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from fairlead.app.proxy.userspace.decision import Decisions, Destination, NodePlace
from fairlead.app.proxy.userspace.feed import FeedNews
from fairlead.app.proxy.userspace.frontends import Frontend, frontends
from fairlead.app.proxy.userspace.node_rules import NodeRules, NodeSurroundings
from fairlead.dataplane.announcing import announced_addresses, candidates
from fairlead.dataplane.ownership import with_rivals
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Node
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.netfilter.ruleset import Target
from fairlead.netpolicy.census import Census
from fairlead.netpolicy.enforcement import Changed
from fairlead.trace.chance import Chance


class Stale(NamedTuple):
    """UDP flows that are to end: those from a frontend to an endpoint."""

    frontend: Frontend
    target: Target


class AllNodes:
    """All nodes, and what they do with connections.

    Attributes:
        decisions: asked about each new connection.
        frontends: where Services listen now.

    Args:
        clock: seconds of a clock that never goes back.
    """

    def __init__(self, around: NodeSurroundings, chance: Chance, clock: Callable[[], float]) -> None:
        self._around, self._clock = around, clock
        self._snapshot = ClusterSnapshot()
        self._nodes: dict[str, NodeRules] = {}
        self._places: dict[str, NodePlace] = {}
        self._frontends: dict[ObjectKey, set[Frontend]] = {}
        self._census = Census()
        self.decisions = Decisions(self._nodes, self._places, self._entrances, chance)

    @property
    def frontends(self) -> set[Frontend]:
        return {frontend for each in self._frontends.values() for frontend in each}

    def follow(self, news: FeedNews) -> set[Stale]:
        """Take in what is new of Services, slices and Nodes; the flows that are to end."""
        rivals = with_rivals(self._snapshot, news.snapshot, news.services)
        self._snapshot = news.snapshot
        if news.has_nodes:
            self._find_nodes()
        stale = {
            Stale(Frontend(flow.address, flow.port, flow.protocol), flow.endpoint)
            for node in self._nodes.values()
            for flow in node.follow(news.snapshot, news.services)
        }
        views = [node.view for node in self._nodes.values()]
        for key in news.snapshot.services if news.has_nodes else rivals:
            self._frontends[key] = frontends(news.snapshot, key, views, self._around.network)
        for key in self._frontends.keys() - news.snapshot.services.keys():
            del self._frontends[key]
        return stale

    def enforce(self, census: Census, changed: Changed) -> None:
        """Take in what is new of NetworkPolicies."""
        self._census = census
        for node in self._nodes.values():
            node.enforce(census, changed)

    def _find_nodes(self) -> None:
        there = self._snapshot.nodes
        for name in self._nodes.keys() - there.keys():
            del self._nodes[name], self._places[name]
        for name, node in there.items():
            self._places[name] = NodePlace(node.internal_ips, _pod_cidrs(node))
            if name not in self._nodes:
                self._nodes[name] = made = NodeRules(name, self._around, self._clock)
                made.enforce(self._census, Changed())

    def _entrances(self, asked: Destination) -> Sequence[str]:
        """The nodes that the world outside comes to: the one with that address, those that a load balancer leads to, or
        for an address that is on no node, as a virtual IP, the first: it is as if one of its processes asked."""
        owners = [name for name, place in self._places.items() if asked.address in place.addresses]
        if owners:
            return owners
        keys = list(self._behind(asked.address))
        if not keys:
            return sorted(self._nodes)[:1]
        return sorted({name for key in keys for name in candidates(self._snapshot, key, asked.address)})

    def _behind(self, address: str) -> Iterator[ObjectKey]:
        for key, service in self._snapshot.services.items():
            if address in announced_addresses(service):
                yield key


def _pod_cidrs(node: Node) -> tuple[str, ...]:
    return node.spec.pod_cidrs or ((node.spec.pod_cidr,) if node.spec.pod_cidr else ())
