"""The result for a packet at a node: each outcome with its probability, its receiver, and the policies' rulings."""

from collections.abc import Iterator
from typing import NamedTuple

from fairlead.explain.cluster import Cluster
from fairlead.explain.journey.ends import Goal, Sender
from fairlead.explain.journey.rulebook import Rulebook
from fairlead.model.addresses import family_of
from fairlead.model.objects import Pod
from fairlead.model.phrases import Phrase
from fairlead.trace.dumped import UNTOLD, follow
from fairlead.trace.packet import DROPPED, Outcome, Packet, PacketFate
from fairlead.trace.policies import EGRESS, INGRESS, End, ReceivedPacket, Ruling, has_policies, pod_at, ruling
from fairlead.trace.ways import TracedRule, Way, Ways


class Delivery(NamedTuple):
    """One outcome.

    Attributes:
        outcome: None if a rule that is not understood might do anything.
        chance: probability from 0 to 1; None if assumptions were needed.
        pod: the Pod that has the packet's final destination.
        rulings: of the sender's policies and then of the receiver's, if any isolate them.
        seen: the address that the receiver sees as the sender's.
        paths: the rules of each path with this outcome; ``steps`` are those of the first.
    """

    outcome: Outcome | None
    chance: float | None
    steps: tuple[TracedRule, ...]
    pod: Pod | None = None
    rulings: tuple[Ruling, ...] = ()
    seen: str = ""
    paths: tuple[tuple[TracedRule, ...], ...] = ()

    @property
    def arrives(self) -> bool:
        return self.final is not None and self.final.fate is PacketFate.ACCEPT

    @property
    def final(self) -> Outcome | None:
        """The outcome as the sender sees it."""
        is_accepted = self.outcome is not None and self.outcome.fate is PacketFate.ACCEPT
        return self.outcome if not is_accepted or all(each.passes for each in self.rulings) else DROPPED


class Deliveries(NamedTuple):
    """All outcomes of a packet, and the assumptions for them."""

    packet: Packet
    outcomes: tuple[Delivery, ...]
    doubts: tuple[str, ...]


def deliver(cluster: Cluster, rulebook: Rulebook, start: Sender, goal: Goal, *, verbose: bool = False) -> Deliveries:
    """Evaluate the packet with the rules of the first node that it meets; ``goal`` has an address and a port.

    Raises:
        NotRules: the rules of the node cannot be read. ValueError: the sender has no address of the family.
    """
    family = family_of(goal.host)
    source = start.source(cluster, family)
    if source is None or goal.port is None:
        raise ValueError(f"{start.text} has no {family} address")
    is_local = start.pod is None and not start.is_outside
    packet = Packet(source, goal.host, goal.port, goal.protocol, "" if is_local else UNTOLD)
    node = rulebook.node(start.node, family)
    found = follow(node, packet, verbose=verbose, is_first=rulebook.is_computed(start.node))
    doubts = tuple(dict.fromkeys(doubt for way in found.ways for doubt in way.doubts))
    doubts += ("there are more ways than were looked at",) if found.is_cut else ()
    doubts += tuple(_other_nodes(cluster, start, found))
    outcomes = tuple(
        _delivery(cluster, start, packet, group, found)._replace(paths=tuple(way.steps for way in group))
        for group in _grouped(found)
    )
    return Deliveries(packet, outcomes, doubts)


def _other_nodes(cluster: Cluster, start: Sender, found: Ways) -> Iterator[str]:
    """A packet to another node's port: that node's rules come next, and are not followed here."""
    ends = {o.destination for o in found.outcomes if o is not None and o.fate is PacketFate.ACCEPT}
    for node in cluster.snapshot.nodes.values():
        if node.name != start.node and ends & set(node.internal_ips):
            yield Phrase(
                "the rules of {node}, whose address this is, come next: trace from there as well", node=node.name
            )


def _grouped(found: Ways) -> list[list[Way]]:
    """Paths grouped by outcome; if packets are discarded, also by their intended destination."""
    groups: dict[tuple[Outcome | None, tuple[str, int]], list[Way]] = {}
    for way in found.ways:
        groups.setdefault((way.outcome, way.bound_for), []).append(way)
    return list(groups.values())


def _delivery(cluster: Cluster, start: Sender, packet: Packet, ways: list[Way], found: Ways) -> Delivery:
    outcome, (address, port) = ways[0].outcome, ways[0].bound_for
    chance = sum(way.probability for way in ways) if found.is_certain else None
    if outcome is None or outcome.fate is PacketFate.REJECT:
        return Delivery(outcome, chance, ways[0].steps)
    pod = pod_at(cluster.snapshot, address)
    asked = ReceivedPacket(port, packet.protocol.upper())
    rulings = tuple(_rulings(cluster, start, packet, End(address, pod), asked, is_hidden=outcome.is_masqueraded))
    if outcome.fate is not PacketFate.ACCEPT:
        return Delivery(outcome, chance, ways[0].steps, pod, rulings)
    seen = Phrase("an address of {node}", node=start.node) if outcome.is_masqueraded else packet.source
    return Delivery(outcome, chance, ways[0].steps, pod, rulings, seen)


def _rulings(
    cluster: Cluster, start: Sender, packet: Packet, there: End, asked: ReceivedPacket, *, is_hidden: bool
) -> Iterator[Ruling]:
    """The rulings of both ends, each as its own node sees the packet; traffic of a node with its own Pods is exempt."""
    snapshot, sender = cluster.snapshot, start.pod
    if packet.source == there.address:
        return
    if sender is not None and has_policies(sender) and there.address not in _own_addresses(cluster, start.node):
        yield from _isolating(ruling(snapshot, EGRESS, End(packet.source, sender), there, asked))
    if there.pod is not None and not _is_from_own_node(start, there.pod):
        is_renamed = is_hidden and there.pod.spec.node_name != start.node
        own = _own_addresses(cluster, start.node)
        address = own[0] if is_renamed and own else packet.source
        here = End(address, sender if address == packet.source and sender else pod_at(snapshot, address))
        yield from _isolating(ruling(snapshot, INGRESS, there, here, asked))


def _isolating(ruled: Ruling) -> Iterator[Ruling]:
    if ruled.isolating:
        yield ruled


def _own_addresses(cluster: Cluster, node: str) -> tuple[str, ...]:
    found = cluster.snapshot.nodes.get(node)
    return found.internal_ips if found else ()


def _is_from_own_node(start: Sender, pod: Pod) -> bool:
    is_of_node = (start.pod is None and not start.is_outside) or (start.pod is not None and start.pod.spec.host_network)
    return is_of_node and start.node == pod.spec.node_name
