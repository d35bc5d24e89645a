"""Where Pods must be for the sake of others, and where they prefer to be."""

import pytest

from fairlead.workloads.placement.scheduling import Placement, Unschedulable, choose_node
from tests.support.cluster_objects import make_node, make_pod

REQUIRED, PREFERRED = (f"{word}DuringSchedulingIgnoredDuringExecution" for word in ("required", "preferred"))
HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
NODES = [make_node("a", "z1"), make_node("b", "z1"), make_node("c", "z2")]
NAMESPACES = {"default": {}, "team-1": {"team": "1"}, "team-2": {"team": "2"}}


def term(app, key=HOST, **more):
    return {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}, **more}


def near(*terms, kind="podAffinity"):
    return {"affinity": {kind: {REQUIRED: list(terms)}}}


def away(*terms):
    return near(*terms, kind="podAntiAffinity")


def prefers(*weighed, kind="podAffinity"):
    listed = [{"weight": weight, "podAffinityTerm": each} for weight, each in weighed]
    return {"affinity": {kind: {PREFERRED: listed}}}


def there(*pods):
    placement = Placement()
    for pod in pods:
        placement.put(pod)
    return placement


def on(node, app="db", namespace="default", **spec):
    return make_pod(
        f"{app}-{node}-{namespace}", nodeName=node, labels={"app": app}, metadata={"namespace": namespace}, **spec
    )


def chosen(spec, *pods, nodes=NODES, labels=None):
    choice = choose_node(make_pod("new", [], nodeName="", labels=labels or {}, **spec), nodes, there(*pods), NAMESPACES)
    return choice.message if isinstance(choice, Unschedulable) else choice.name


FAR = "0/3 nodes are available: 3 node(s) didn't match pod affinity rules."
IN_OTHERS = {"namespaceSelector": {"matchLabels": {"team": "2"}}}
ROWS = [
    pytest.param(near(term("db")), [on("c")], "c", id="on the same node"),
    pytest.param(
        near(term("db", ZONE)), [on("b"), on("a", "x"), on("a", "y")], "b", id="in the same zone, where there is least"
    ),
    pytest.param(near(term("db")), [], FAR, id="nobody is there"),
    pytest.param(near(term("db", "no-such-label")), [on("a")], FAR, id="no Node has the key"),
    pytest.param(near(term("db"), term("web")), [on("a"), on("b", "web")], FAR, id="all terms must find the same Pods"),
    pytest.param(near({"topologyKey": HOST}), [on("a")], FAR, id="no selector finds nobody"),
    pytest.param(near({"topologyKey": HOST, "labelSelector": {}}), [on("b")], "b", id="an empty selector finds all"),
    pytest.param(near(term("db")), [on("a", namespace="team-1")], FAR, id="in another namespace"),
    pytest.param(near(term("db", namespaces=["team-1"])), [on("b", namespace="team-1")], "b", id="by its name"),
    pytest.param(near(term("db", **IN_OTHERS)), [on("a"), on("b", namespace="team-2")], "b", id="by its labels"),
    pytest.param(near(term("db", namespaceSelector={})), [on("b", namespace="team-2")], "b", id="in any namespace"),
    pytest.param(
        near(term("db", namespaces=["team-1"], **IN_OTHERS)), [on("c", namespace="team-1")], "c", id="one or the other"
    ),
    pytest.param(
        {"affinity": {**near(term("db", ZONE))["affinity"], **away(term("db"))["affinity"]}},
        [on("a")],
        "b",
        id="in the same zone, but not on the same node",
    ),
]


@pytest.mark.parametrize(("spec", "pods", "expected"), ROWS)
def test_required(spec, pods, expected):
    assert chosen(spec, *pods) == expected


def test_the_first_of_those_that_want_to_be_together_may_be_anywhere():
    together = near(term("db", ZONE))
    assert chosen(together, labels={"app": "db"}) == "a"
    assert chosen(together, on("c"), labels={"app": "db"}) == "c"
    unlabelled = [make_node("x")]
    assert "didn't match pod affinity rules" in chosen(together, labels={"app": "db"}, nodes=unlabelled)


def test_each_side_of_an_anti_affinity_is_explained():
    own = chosen(away(term("db")), on("a"), nodes=NODES[:1])
    assert own == "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules."
    theirs = chosen({}, on("a", **away(term("web"))), nodes=NODES[:1], labels={"app": "web"})
    assert theirs == "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules."


def likes_nodes(*weighed):
    listed = [
        {"weight": weight, "preference": {"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}}
        for weight, zone in weighed
    ]
    return {"affinity": {"nodeAffinity": {PREFERRED: listed}}}


WISHES = [
    pytest.param({}, [], "a", id="nothing"),
    pytest.param(prefers((1, term("db"))), [on("c")], "c", id="near"),
    pytest.param(prefers((1, term("db", ZONE)), kind="podAntiAffinity"), [on("a")], "c", id="away"),
    pytest.param(prefers((10, term("db")), (20, term("web"))), [on("b"), on("c", "web")], "c", id="the greater weight"),
    pytest.param(prefers((1, term("db"))), [on("b"), on("c", "web")], "b", id="others do not matter"),
    pytest.param({}, [on("c", **prefers((1, term("new"))))], "c", id="wished for by another"),
    pytest.param({}, [on("a", **prefers((1, term("new", ZONE)), kind="podAntiAffinity"))], "c", id="or not"),
    pytest.param({}, [on("b", **near(term("new")))], "b", id="what another requires is a wish of it, too"),
    pytest.param(likes_nodes((1, "z2")), [], "c", id="a node's label"),
    pytest.param(likes_nodes((1, "z2"), (5, "z1")), [], "a", id="the label of greater weight"),
]


@pytest.mark.parametrize(("spec", "pods", "expected"), WISHES)
def test_preferred(spec, pods, expected):
    assert chosen(spec, *pods, labels={"app": "new"}) == expected


def test_a_node_whose_taint_is_to_be_avoided_is_the_last_choice():
    taint = {"key": "old", "effect": "PreferNoSchedule"}
    nodes = [make_node("a", taints=[taint]), make_node("b")]
    assert chosen({}, on("b", "x"), on("b", "y"), nodes=nodes) == "b"
    assert chosen({"tolerations": [{"key": "old", "operator": "Exists"}]}, on("b", "x"), nodes=nodes) == "a"
    assert chosen({}, nodes=nodes[:1]) == "a"
