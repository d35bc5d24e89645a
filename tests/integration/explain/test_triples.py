"""Random clusters, policies and packets: what ``fairlead trace`` predicts from the rules of a node is what its kernel
does with real packets."""

import os
from dataclasses import replace

import msgspec
import pytest
from hypothesis import Phase, assume, given, settings

from fairlead.dataplane.node_view import NodeSettings
from fairlead.explain.journey.delivery import deliver
from fairlead.explain.journey.ends import Goal, Sender
from fairlead.explain.journey.rulebook import Rulebook
from fairlead.explain.observations import IPSET, IPTABLES, NFT, Observation
from fairlead.explain.proxying import Proxying, inferred
from fairlead.explain.reading import FoundDocument, cluster_of
from fairlead.model.addresses import IPFamily
from fairlead.trace.contract import Rules
from fairlead.trace.policies import pod_at
from tests.integration.proxy.test_flows import is_seen
from tests.integration.proxy.test_policies import is_answered
from tests.support.net.policy_net import LOADS
from tests.support.net.proxy_net import install, net, observed
from tests.support.policy_flows import either_family

__all__ = ["net"]  # the fixture

# Of each back end. What is said of the 2,000 is shown by FAIRLEAD_TRACE_CASES=1000.
CASES = int(os.environ.get("FAIRLEAD_TRACE_CASES", "12"))
READ = ("Service", "EndpointSlice", "Node", "Pod", "Namespace", "NetworkPolicy")


def documents(world):
    """A world as an API server would show it."""
    objects = (*world.services, *world.slices, world.node, *world.pods, *world.namespaces, *world.policies)
    for each in objects:
        yield FoundDocument("the world", {"kind": type(each).__name__, "apiVersion": "v1", **msgspec.to_builtins(each)})


def seen_on(net, rules, family):
    """What the programs of the node show of its rules."""
    if rules is Rules.NFT:
        commands = {NFT: ("nft", "-y", "list", "ruleset")}
    else:
        program = "iptables-save" if family is IPFamily.IPV4 else "ip6tables-save"
        commands = {IPTABLES: (program,), IPSET: ("ipset", "save")}
    return [
        Observation(kind, ("nodes", "here", f"{kind}.txt"), net.node.run(*command), command[0])
        for kind, command in commands.items()
    ]


def predicted(net, rules, flow):
    """What is said of the packet: a Pod of this node sends it, or somebody else whose packets come by here."""
    world = flow.world
    cluster = cluster_of(list(documents(world)), seen_on(net, rules, world.family), READ)
    assert cluster.faults == ()
    pod = pod_at(cluster.snapshot, flow.source)
    is_ours = pod is not None and pod.spec.node_name == "here"
    is_node = flow.source in world.own_addresses
    start = Sender("here", pod) if is_ours else Sender("here", is_outside=not is_node, address=flow.source)
    proxying = Proxying(rules.value, inferred(cluster, NodeSettings()))
    return deliver(cluster, Rulebook(cluster, proxying), start, Goal(flow.destination, flow.port, flow.protocol))


def here(delivery):
    """What becomes of a packet at this node: the other one has no policies here, for nobody enforces them there."""
    own = tuple(ruled for ruled in delivery.rulings if ruled.pod.spec.node_name == "here")
    return delivery._replace(rulings=own).final


@pytest.mark.parametrize("rules", Rules, ids=lambda rules: rules.value)
@given(drawn=either_family)
@settings(max_examples=CASES, derandomize=True, phases=[Phase.generate], database=None)
def test_the_kernel_does_what_is_predicted(net, rules, drawn):
    assume(drawn.source != drawn.destination)  # which never leaves its host
    install(net, drawn.world, LOADS[rules])
    said = predicted(net, rules, drawn)
    outcomes = frozenset(map(here, said.outcomes))
    assert None not in outcomes, said.doubts
    assume(all(is_seen(drawn, outcome) and is_answered(drawn, outcome) for outcome in outcomes))
    seen = observed(net, replace(drawn, expected=outcomes), LOADS[rules], 3)
    assert seen
    assert seen <= outcomes, f"{said}\n{net.node.run('nft', 'list', 'ruleset')}"
    # All that is in doubt is whether session affinity knows the client.
    assert all("recent" in doubt or "last_seen" in doubt for doubt in said.doubts), said.doubts
