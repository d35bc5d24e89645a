"""What happens to a packet at a node: each outcome with its chance, whom it reaches, and what policies say to that."""

from typing import NamedTuple

from fairlead.explain.cluster import Cluster
from fairlead.explain.journey.ends import Goal, Start
from fairlead.explain.journey.rulebook import Rulebook
from fairlead.explain.policies import EGRESS, INGRESS, Peer, Port, named_ports, refusing
from fairlead.model.addresses import family_of
from fairlead.model.objects import Pod
from fairlead.trace.dumped import UNTOLD, follow
from fairlead.trace.packet import Fate, Outcome, Packet
from fairlead.trace.ways import Step, Way, Ways


class Delivery(NamedTuple):
    """One outcome.

    Attributes:
        outcome: None where a rule that is not understood may do anything.
        chance: from 0 to 1; None where something had to be assumed.
        pod: the Pod that has the address which the packet is sent to.
        refused_by: policies that keep it away, each as "NAME (Ingress)".
        seen: the address that the receiver sees as the sender's.
    """

    outcome: Outcome | None
    chance: float | None
    steps: tuple[Step, ...]
    pod: Pod | None = None
    refused_by: tuple[str, ...] = ()
    seen: str = ""

    @property
    def arrives(self) -> bool:
        return self.outcome is not None and self.outcome.fate is Fate.ACCEPT and not self.refused_by


class Deliveries(NamedTuple):
    """All outcomes of a packet, and what had to be assumed for them."""

    packet: Packet
    outcomes: tuple[Delivery, ...]
    doubts: tuple[str, ...]


def deliver(cluster: Cluster, rulebook: Rulebook, start: Start, goal: Goal, *, verbose: bool = False) -> Deliveries:
    """Send the packet by the rules of the first node that it meets; ``goal`` has an address and a port.

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
    outcomes = tuple(_delivery(cluster, start, packet, group, found) for group in _grouped(found))
    return Deliveries(packet, outcomes, doubts)


def _grouped(found: Ways) -> list[list[Way]]:
    groups: dict[Outcome | None, list[Way]] = {}
    for way in found.ways:
        groups.setdefault(way.outcome, []).append(way)
    return list(groups.values())


def _delivery(cluster: Cluster, start: Start, packet: Packet, ways: list[Way], found: Ways) -> Delivery:
    outcome = ways[0].outcome
    chance = sum(way.probability for way in ways) if found.is_certain else None
    if outcome is None or outcome.fate is not Fate.ACCEPT:
        return Delivery(outcome, chance, ways[0].steps)
    pod = _pod_at(cluster, outcome.destination)
    seen = f"an address of {start.node}" if outcome.is_masqueraded else packet.source
    return Delivery(outcome, chance, ways[0].steps, pod, _refusals(cluster, start, packet, outcome, pod), seen)


def _pod_at(cluster: Cluster, address: str) -> Pod | None:
    keys = cluster.snapshot.pods_by_ip.get(address)
    pods = [cluster.snapshot.pods[key] for key in sorted(keys or ())]
    return next((pod for pod in pods if not pod.is_finished and not pod.spec.host_network), None)


def _refusals(cluster: Cluster, start: Start, packet: Packet, outcome: Outcome, pod: Pod | None) -> tuple[str, ...]:
    """Policies of both ends. A Pod's own node always reaches it; an outside client may be seen as the node."""
    number, protocol = outcome.port, packet.protocol.upper()
    port = Port(number, protocol, named_ports(pod, number) if pod else frozenset())
    found: list[str] = []
    if start.pod is not None and not start.pod.spec.host_network:
        peer = Peer(outcome.destination, pod)
        found += [f"{name} (Egress)" for name in refusing(cluster, start.pod, EGRESS, peer, port)]
    if pod is not None and not _is_own_node(start, pod):
        sender = Peer(packet.source, None if outcome.is_masqueraded else start.pod)
        found += [f"{name} (Ingress)" for name in refusing(cluster, pod, INGRESS, sender, port)]
    return tuple(found)


def _is_own_node(start: Start, pod: Pod) -> bool:
    return start.pod is None and not start.is_outside and start.node == pod.spec.node_name
