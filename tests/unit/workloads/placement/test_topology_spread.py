"""Topology spread constraints: which Nodes they refuse, and which they prefer. The cases are upstream's."""

import pytest

from fairlead.workloads.placement.scheduling import Placement, Unschedulable, choose_node
from fairlead.workloads.placement.topology_spread import UNEVEN, UNLABELLED
from tests.support.cluster_objects import make_node, make_pod

ZONES = {"n1": "a", "n2": "a", "n3": "b", "n4": "b"}
WEB = {"labelSelector": {"matchLabels": {"app": "web"}}}


def nodes(**more):
    """Four Nodes in two zones, each the place of its own name as well; ``more`` has labels of some."""
    labels = {name: {"zone": zone, "host": name, **more.get(name, {})} for name, zone in ZONES.items()}
    return [make_node(name, labels={k: v for k, v in found.items() if v}) for name, found in labels.items()]


def there(*names, labels=None):
    """A Pod of the application on each of the Nodes."""
    placement = Placement()
    for index, name in enumerate(names):
        placement.put(make_pod(f"p{index}", [], nodeName=name, labels=labels or {"app": "web"}))
    return placement


def constraint(key="zone", **fields):
    return {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", **WEB, **fields}


def chosen(placement, *constraints, among=None, **spec):
    """The Node, or the message."""
    pod = make_pod("new", [], nodeName="", labels={"app": "web"}, topologySpreadConstraints=list(constraints), **spec)
    found = choose_node(pod, among or nodes(), placement)
    return found.message if isinstance(found, Unschedulable) else found.name


def test_the_emptier_zone_is_the_only_one():
    assert chosen(there("n1"), constraint()) in ("n3", "n4")
    assert chosen(there("n1", "n3", "n4"), constraint()) == "n2"


def test_a_wider_skew_leaves_room():
    assert chosen(there("n3", "n3"), constraint(maxSkew=3)) in ("n1", "n2")
    among = nodes()[:2]
    # One zone alone is even by itself.
    assert chosen(there("n1", "n1", "n2"), constraint(), among=among) == "n2"


def test_other_pods_do_not_count():
    assert chosen(there("n1", "n1", labels={"app": "db"}), constraint(maxSkew=1)).startswith("n")
    placement = there("n1")
    placement.put(make_pod("other", [], nodeName="n3", metadata={"namespace": "elsewhere"}))
    assert chosen(placement, constraint()) in ("n3", "n4")


def test_a_node_without_the_label_is_refused_and_not_counted():
    among = nodes(n3={"zone": ""}, n4={"zone": ""})
    # The Pods of n3 are in no zone, so that zone a is the only one.
    assert chosen(there("n1", "n3"), constraint(), among=among) == "n2"
    lonely = [node for node in among if node.name in ("n3", "n4")]
    assert chosen(there(), constraint(), among=lonely) == f"0/2 nodes are available: 2 {UNLABELLED}."


def test_too_few_places_count_as_if_one_were_empty():
    assert chosen(there("n1", "n3"), constraint(minDomains=3)) == f"0/4 nodes are available: 4 {UNEVEN}."
    assert chosen(there("n1", "n3"), constraint(minDomains=2)).startswith("n")


def test_all_constraints_must_hold():
    found = chosen(there("n1", "n3", "n3"), constraint(), constraint("host"))
    assert found == "n2"


def test_nodes_that_the_pod_cannot_be_on_do_not_count():
    among = nodes(n1={"disk": "ssd"}, n2={"disk": "ssd"})
    wanted = {"nodeSelector": {"disk": "ssd"}}
    assert chosen(there("n1"), constraint(), among=among, **wanted) == "n2"
    told = chosen(there("n1"), constraint(nodeAffinityPolicy="Ignore"), among=among, **wanted)
    assert told == f"0/4 nodes are available: 2 node(s) didn't match Pod's node affinity/selector, 2 {UNEVEN}."


@pytest.mark.parametrize(("policy", "fits"), [("Honor", True), ("Ignore", False)])
def test_tainted_nodes_count_unless_taints_are_honoured(policy, fits):
    taint = {"key": "k", "value": "v", "effect": "NoSchedule"}
    among = [*nodes()[:2], make_node("n3", labels={"zone": "b", "host": "n3"}, taints=[taint])]
    found = chosen(there("n1"), constraint(nodeTaintsPolicy=policy), among=among)
    assert (found == "n2") == fits


def test_only_pods_of_the_same_revision_count():
    placement = there("n1", labels={"app": "web", "rev": "1"})
    keyed = constraint(matchLabelKeys=["rev"])
    pod = make_pod("new", [], nodeName="", labels={"app": "web", "rev": "2"}, topologySpreadConstraints=[keyed])
    assert choose_node(pod, nodes(), placement).name == "n2"


def test_a_preference_ranks_and_excludes_nothing():
    soft = constraint(whenUnsatisfiable="ScheduleAnyway")
    assert chosen(there("n1"), soft) in ("n3", "n4")
    assert chosen(there("n1", "n2"), soft, among=nodes()[:2]).startswith("n")
    # Nodes without the key come last, even if they are empty.
    among = nodes(n3={"zone": ""}, n4={"zone": ""})
    assert chosen(there("n1", "n2"), soft, among=among) == "n1"


def test_without_a_selector_nothing_counts():
    assert chosen(there("n1", "n1"), constraint(labelSelector=None)).startswith("n")
