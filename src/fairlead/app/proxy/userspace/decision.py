"""Decides where a connection goes: by the rules of the node that it reaches first, then of the node where it ends.

A packet in another lab passes both kernels, and policies are asked in each: those of the sender on its node, those of
the receiver on its own. So here.
"""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from fairlead.app.proxy.userspace.node_rules import NodeRules
from fairlead.labnet.links import POD_LINKS
from fairlead.netfilter.ruleset import Target
from fairlead.trace.chance import Chance
from fairlead.trace.evaluate import RuleStep
from fairlead.trace.packet import Packet, PacketFate

UPLINK = "eth0"  # through which everything comes to a node that is not of its own Pods
_OF_A_POD = POD_LINKS + "0"


class ConnectingClient(NamedTuple):
    """The client of a connection.

    Attributes:
        address: its own, which rules are asked about.
        node: the node that it is on; "" for the world outside.
        is_pod: whether it has an address of its own there, or is a process of the node itself.
    """

    address: str
    node: str
    is_pod: bool

    @property
    def interface(self) -> str:
        """Through which its packets come to its node."""
        return _OF_A_POD if self.is_pod else ""


class Destination(NamedTuple):
    """The destination of a connection; protocol in lower case."""

    address: str
    port: int
    protocol: str = "tcp"


class ConnectionDecision(NamedTuple):
    """The decision about a connection.

    Attributes:
        target: where it goes, if it is accepted.
        source: the address that the receiver is to see. is_masqueraded: it is the node's, not the client's.
        steps: the rules that have decided.
    """

    fate: PacketFate
    target: Target | None = None
    source: str = ""
    is_masqueraded: bool = False
    steps: tuple[RuleStep, ...] = ()


class NodePlace(NamedTuple):
    """A node on the network of the lab.

    Attributes:
        addresses: its own. pods: the networks of its Pods, in CIDR notation.
    """

    addresses: tuple[str, ...]
    pods: tuple[str, ...]

    def has(self, address: str) -> bool:
        """Whether an address is the node's or a Pod's on it."""
        return address in self.addresses or any(ip_address(address) in ip_network(cidr) for cidr in self.pods)


class Decisions:
    """The nodes of a lab, as connections meet them.

    Args:
        nodes: their rules, by name. places: where each is, by name.
        first_nodes: the nodes that the world outside may come to by an address and port; none is an answer too.
    """

    def __init__(
        self,
        nodes: Mapping[str, NodeRules],
        places: Mapping[str, NodePlace],
        first_nodes: Callable[[Destination], Sequence[str]],
        chance: Chance,
    ) -> None:
        self._nodes, self._places, self._first_nodes, self._chance = nodes, places, first_nodes, chance

    def client(self, address: str) -> ConnectingClient:
        """The client with this address: on the node that it belongs to, else outside."""
        for name, place in self._places.items():
            if place.has(address):
                return ConnectingClient(address, name, address not in place.addresses)
        return ConnectingClient(address, "", is_pod=False)

    def decide(self, client: ConnectingClient, asked: Destination) -> ConnectionDecision:
        """Decide about a new connection."""
        return self.decide_at(client.node or self._entrance(asked), client, asked)

    def decide_at(self, name: str, client: ConnectingClient, asked: Destination) -> ConnectionDecision:
        """Decide about a new connection that reaches this node first."""
        if name not in self._nodes:
            return ConnectionDecision(PacketFate.DROP)
        entry = self._nodes[name]
        interface = client.interface if client.node else UPLINK
        trace, _ = entry.sample(Packet(client.address, *asked, interface), self._chance)
        outcome = trace.outcome
        if outcome.fate is not PacketFate.ACCEPT:
            return ConnectionDecision(outcome.fate, steps=trace.steps)
        if (outcome.destination, outcome.port) == (asked.address, asked.port):
            return ConnectionDecision(
                PacketFate.REJECT, steps=trace.steps
            )  # no rule leads on, and no process of the node listens
        target, is_hidden = Target(outcome.destination, outcome.port), outcome.is_masqueraded
        source = entry.view.node_ips[0] if is_hidden else client.address
        decision = ConnectionDecision(PacketFate.ACCEPT, target, source, is_hidden, trace.steps)
        return self._arrive(decision, target, asked.protocol, name)

    def _entrance(self, asked: Destination) -> str:
        names = self._first_nodes(asked)
        return self._chance.pick(names) if names else ""

    def _arrive(self, so_far: ConnectionDecision, target: Target, protocol: str, name: str) -> ConnectionDecision:
        """Ask the node of the receiver as well, if that is another one."""
        home = next((other for other, place in self._places.items() if place.has(target.address)), "")
        if home in ("", name) or home not in self._nodes:
            return so_far
        packet = Packet(so_far.source, target.address, target.port, protocol, UPLINK)
        trace, _ = self._nodes[home].sample(packet, self._chance)
        steps = (*so_far.steps, *trace.steps)
        if trace.outcome.fate is not PacketFate.ACCEPT:
            return ConnectionDecision(trace.outcome.fate, steps=steps)
        return so_far._replace(steps=steps)
