"""The table of connections for a lab without namespaces: each address has a twin in 127.0.0.0/8.

What such a lab cannot do as a kernel does, or has no setting for, is listed here by the numbers of the table.
"""

import itertools
import re
from dataclasses import replace

import msgspec

from fairlead.app.proxy.userspace.cluster import AllNodes
from fairlead.app.proxy.userspace.decision import ConnectionDecision, Destination
from fairlead.app.proxy.userspace.feed import FeedNews
from fairlead.app.proxy.userspace.frontends import Frontend
from fairlead.app.proxy.userspace.node_rules import NodeSurroundings
from fairlead.labnet.loopback import lab_network
from fairlead.netpolicy.census import Census
from fairlead.netpolicy.enforcement import Changed
from fairlead.trace.chance import Choices, every_way
from fairlead.trace.packet import DROPPED, REJECTED, Outcome, PacketFate
from tests.support.proxy_flows import FLOWS
from tests.support.proxy_objects import node, snapshot

NUMBER = 31  # no lab has it
NETWORK = lab_network(NUMBER)

# Networks of the table by what their twins begin with, the longer ones first; they lie to each other as the originals.
_TWINS = {
    "10.180.0.": f"127.{NUMBER}.0.",
    "10.180.1.": f"127.{NUMBER}.1.",
    "10.0.0.0/8": f"127.{NUMBER}.0.0/17",
    "192.168.0.0/16": f"127.{NUMBER}.240.0/21",
    "192.168.0.": f"127.{NUMBER}.240.",
    "192.168.1.": f"127.{NUMBER}.241.",
    "192.168.99.": f"127.{NUMBER}.243.",
    "203.0.113.": f"127.{NUMBER}.248.",
    "172.30.0.0/16": f"127.{NUMBER}.224.0/20",
    "172.30.0.": f"127.{NUMBER}.224.",
    "1.2.3.": f"127.{NUMBER}.250.",
    "5.6.7.": f"127.{NUMBER}.251.",
}
_PATTERN = re.compile(r"(?<![\d.])(" + "|".join(re.escape(text) for text in _TWINS) + ")")

# Settings of kube-proxy that no lab has.
OTHER_SETTINGS = {
    23: "--nodeport-addresses",
    25: "--nodeport-addresses",
    27: "--nodeport-addresses",
    28: "--nodeport-addresses",
    29: "--nodeport-addresses",
    61: "--detect-local-mode BridgeInterface",
    62: "--detect-local-mode InterfaceNamePrefix",
}
# What a process that only has sockets cannot do: a packet that is dropped before anybody listens would have to stay
# unanswered, but the machine refuses it.
REFUSED_NOT_DROPPED = {
    10: "a virtual IP that no Service has",
    56: "a closed port of the node",
}
NOT_SERVED = {7: "SCTP"}


def on_loopback(value):
    """A value of the table with all addresses replaced by their twins."""
    text = _PATTERN.sub(lambda found: _TWINS[found[1]], msgspec.json.encode(value).decode())
    return msgspec.json.decode(text, type=type(value))


def flow_on_loopback(flow):
    return replace(on_loopback(flow), world=on_loopback(flow.world))


def cluster_of(world, chance, clock=lambda: 0.0):
    """A lab with one node, in the state of a world of the table."""
    made = AllNodes(NodeSurroundings(world.settings, NETWORK), chance, clock)
    here = node("here", world.zone, world.own_addresses, world.node_cidr)
    ready = [{"type": "Ready", "status": "True"}]
    here = msgspec.structs.replace(here, status=msgspec.convert(
        {"addresses": msgspec.to_builtins(here.status.addresses), "conditions": ready}, type(here.status), strict=False
    ))  # fmt: skip
    there = snapshot(*world.services, *world.slices, here)
    made.follow(FeedNews(there, frozenset(there.services), has_nodes=True))
    if world.policies:
        made.enforce(Census.of(world.pods, world.namespaces, world.policies), Changed())
    return made


class EveryWay:
    """Chance that falls in every way, one after the other."""

    def __init__(self):
        self._choices = Choices([])

    def pick(self, among, by=""):
        return self._choices.pick(among, by)

    def happens(self, part, whole):
        return self._choices.happens(part, whole)

    def results(self, decide):
        """What a function gives for each way."""

        def follow(choices):
            self._choices = choices
            return decide()

        return list(every_way(follow))


def outcome_of(decision: ConnectionDecision) -> Outcome:
    """A decision in the words of the table."""
    if decision.target is None:
        return DROPPED if decision.fate is PacketFate.DROP else REJECTED
    return Outcome(PacketFate.ACCEPT, decision.target.address, decision.target.port, decision.is_masqueraded)


def outcomes_of(flow):
    """Everything that can happen to a connection: where nobody listens, the machine refuses."""
    chance = EveryWay()
    hours = itertools.count(0.0, 3600 * 24)  # no way is remembered by the next
    cluster = cluster_of(flow.world, chance, lambda: next(hours))
    if Frontend(flow.destination, flow.port, flow.protocol) not in cluster.frontends:
        return {REJECTED}
    asked = Destination(flow.destination, flow.port, flow.protocol)
    client = cluster.decisions.client(flow.source)
    return {outcome_of(each) for each in chance.results(lambda: cluster.decisions.decide_at("here", client, asked))}


def as_sockets_have_it(outcomes, flow, *, is_served):
    """What the oracle expects, as far as sockets can do it.

    Args:
        is_served: whether something listens where the connection goes.
    """
    untouched = Outcome(PacketFate.ACCEPT, flow.destination, flow.port)
    refused = {untouched} if is_served else {untouched, DROPPED}
    return {REJECTED if outcome in refused else outcome for outcome in outcomes}


TABLE = [flow_on_loopback(f) for f in FLOWS if f.number not in OTHER_SETTINGS and f.number not in NOT_SERVED]
EXPECTED_TO_DIFFER = [flow for flow in TABLE if flow.number in REFUSED_NOT_DROPPED]
SAME = [flow for flow in TABLE if flow.number not in REFUSED_NOT_DROPPED]
