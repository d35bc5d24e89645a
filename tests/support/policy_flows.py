"""Random clusters with Services and NetworkPolicies, and packets: one drawing for oracle, evaluator and kernel."""

from dataclasses import replace

from hypothesis import strategies as st

from tests.support.policy_objects import namespaces, pods, policies
from tests.support.proxy_flows import CLUSTER_IP, LB, NODE, OTHER_NODE, OTHER_POD, OUTSIDE, POD, Flow, flow_in_ipv6
from tests.support.random_flows import worlds

HERE = {1: "10.180.0.1", 2: "10.180.0.2", 3: "10.180.0.3", 9: POD}
THERE = {5: "10.180.0.5", 6: "10.180.0.6", 19: OTHER_POD}
NETWORKS = ["10.180.0.0/24", "10.180.0.0/30", "10.180.0.1/32", "203.0.113.0/24", "0.0.0.0/0", "10.180.0.5/32"]


@st.composite
def worlds_with_policies(draw):
    """A cluster of ``test_flows``, whose Pods are there and bear labels, under a few policies."""
    world = draw(worlds())
    there = [draw(pods(number, (address,), "there")) for number, address in THERE.items()]
    here = [draw(pods(number, (address,), "here")) for number, address in HERE.items()]
    names = st.sampled_from(["first", "second", "third"])
    chosen = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    written = tuple(draw(policies([name], NETWORKS)) for name in chosen)
    return replace(world, pods=(*here, *there), namespaces=draw(namespaces), policies=written)


ASKED = [("tcp", 80), ("tcp", 80), ("tcp", 8080), ("udp", 53), ("udp", 80), ("sctp", 53)]
flows_with_policies = st.builds(
    lambda asked, **fields: Flow(number=0, name="random, with policies", protocol=asked[0], port=asked[1], **fields),
    asked=st.sampled_from(ASKED),
    world=worlds_with_policies(),
    source=st.sampled_from([POD, POD, "10.180.0.1", "10.180.0.2", "10.180.0.5", OTHER_POD, OUTSIDE, NODE, OTHER_NODE]),
    destination=st.sampled_from([*HERE.values(), "10.180.0.5", "10.180.0.6", CLUSTER_IP, CLUSTER_IP, LB]),
    expected=st.none(),
)
either_family = flows_with_policies | flows_with_policies.map(flow_in_ipv6)
