"""Where Pods go: filters, their reasons, and the spread."""

import pytest
from msgspec import structs

from fairlead.model.objects import OwnerReference
from fairlead.workloads.placement.scheduling import Placement, Unschedulable, choose_node
from tests.support.cluster_objects import make_node, make_pod

NO_SCHEDULE = {"key": "k", "value": "v", "effect": "NoSchedule"}


def unbound(name="new", **fields):
    return make_pod(name, [], nodeName="", **fields)


def placed(*pods):
    placement = Placement()
    for pod in pods:
        placement.put(pod)
    return placement


def owned(pod, uid):
    owner = OwnerReference(kind="ReplicaSet", name=uid, uid=uid, controller=True)
    return structs.replace(pod, metadata=structs.replace(pod.metadata, owner_references=(owner,)))


@pytest.mark.parametrize(
    ("node", "pod", "reason"),
    [
        ({}, {}, None),
        ({"unschedulable": True}, {}, "1 node(s) were unschedulable"),
        (
            {"unschedulable": True},
            {"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]},
            None,
        ),
        ({"taints": [NO_SCHEDULE]}, {}, "1 node(s) had untolerated taint {k: v}"),
        ({"taints": [{**NO_SCHEDULE, "effect": "NoExecute"}]}, {}, "1 node(s) had untolerated taint {k: v}"),
        ({"taints": [{**NO_SCHEDULE, "effect": "PreferNoSchedule"}]}, {}, None),
        ({"taints": [NO_SCHEDULE]}, {"tolerations": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}, None),
        ({"taints": [NO_SCHEDULE]}, {"tolerations": [{"key": "k", "value": "v"}]}, None),
        ({"taints": [NO_SCHEDULE]}, {"tolerations": [{"operator": "Exists"}]}, None),
        ({"taints": [NO_SCHEDULE]}, {"tolerations": [{"key": "k", "operator": "Exists"}]}, None),
        (
            {"taints": [NO_SCHEDULE]},
            {"tolerations": [{"key": "k", "value": "other"}]},
            "1 node(s) had untolerated taint {k: v}",
        ),
        (
            {"taints": [NO_SCHEDULE]},
            {"tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute"}]},
            "1 node(s) had untolerated taint {k: v}",
        ),
        ({"labels": {"disk": "ssd"}}, {"nodeSelector": {"disk": "ssd"}}, None),
        (
            {"labels": {"disk": "hdd"}},
            {"nodeSelector": {"disk": "ssd"}},
            "1 node(s) didn't match Pod's node affinity/selector",
        ),
    ],
)
def test_filters(node, pod, reason):
    choice = choose_node(unbound(**pod), [make_node("n", **node)], Placement())
    if reason is None:
        assert choice.name == "n"
    else:
        assert choice == Unschedulable(f"0/1 nodes are available: {reason}.")


def test_a_full_node_gets_no_more_pods():
    node = make_node("n")
    node = structs.replace(node, status=structs.replace(node.status, allocatable={"pods": "1"}))
    choice = choose_node(unbound(), [node], placed(make_pod("a", nodeName="n")))
    assert choice == Unschedulable("0/1 nodes are available: 1 Too many pods.")


def with_port(name, **port):
    return unbound(name, containers=[{"name": "c", "ports": [{"containerPort": 80, **port}]}])


@pytest.mark.parametrize(
    ("taken", "wanted", "fits"),
    [
        ({}, {}, True),
        ({"hostPort": 80}, {}, True),
        ({"hostPort": 80}, {"hostPort": 81}, True),
        ({"hostPort": 80}, {"hostPort": 80}, False),
        ({"hostPort": 80}, {"hostPort": 80, "protocol": "UDP"}, True),
        ({"hostPort": 80, "hostIP": "192.0.2.1"}, {"hostPort": 80, "hostIP": "192.0.2.2"}, True),
        ({"hostPort": 80, "hostIP": "192.0.2.1"}, {"hostPort": 80, "hostIP": "192.0.2.1"}, False),
        ({"hostPort": 80, "hostIP": "192.0.2.1"}, {"hostPort": 80}, False),
        ({"hostPort": 80, "hostIP": "0.0.0.0"}, {"hostPort": 80, "hostIP": "192.0.2.1"}, False),
    ],
)
def test_no_two_pods_of_a_node_have_the_same_port_of_it(taken, wanted, fits):
    holder = with_port("a", **taken)
    holder = structs.replace(holder, spec=structs.replace(holder.spec, node_name="n"))
    placement = placed(holder)
    choice = choose_node(with_port("b", **wanted), [make_node("n")], placement)
    reason = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    assert choice == (make_node("n") if fits else Unschedulable(reason))
    placement.drop(holder.key)
    assert choose_node(with_port("b", **wanted), [make_node("n")], placement).name == "n"


def test_reasons_are_counted_and_sorted():
    nodes = [
        make_node("a", unschedulable=True),
        make_node("b", unschedulable=True),
        make_node("c", taints=[NO_SCHEDULE]),
    ]
    assert choose_node(unbound(), nodes, Placement()).message == (
        "0/3 nodes are available: 1 node(s) had untolerated taint {k: v}, 2 node(s) were unschedulable."
    )
    assert choose_node(unbound(), [], Placement()).message == "no nodes available to schedule pods"


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        pytest.param([], "a", id="all empty: the first by name"),
        pytest.param([("p", "a", "web")], "b", id="away from its like"),
        pytest.param([("p", "a", "other")], "b", id="away from any Pod"),
        pytest.param([("p", "a", "web"), ("q", "b", "x"), ("r", "b", "x")], "b", id="its like weighs more than load"),
        pytest.param([("p", "a", "web"), ("q", "b", "web"), ("r", "b", "x")], "a", id="equally many alike: by load"),
    ],
)
def test_spread(pods, expected):
    placement = placed(*(make_pod(name, nodeName=node, labels={"app": app}) for name, node, app in pods))
    assert choose_node(unbound(), [make_node("b"), make_node("a")], placement).name == expected


def test_pods_of_one_controller_are_alike_although_their_labels_differ():
    placement = placed(
        owned(make_pod("db-0", nodeName="a", labels={"pod": "db-0"}), "set"),
        make_pod("x", nodeName="b", labels={}),
        make_pod("y", nodeName="b", labels={}),
    )
    pod = owned(unbound("db-1", labels={"pod": "db-1"}), "set")
    assert choose_node(pod, [make_node("a"), make_node("b")], placement).name == "b"


def test_the_count_follows_the_pods():
    placement = placed(make_pod("a", nodeName="n"), make_pod("a", nodeName="m"))
    assert (placement.total["n"], placement.total["m"]) == (0, 1)
    placement.put(make_pod("a", nodeName="m", phase="Succeeded"))
    assert (placement.total["m"], placement.alike) == (0, {})
    placement.drop(make_pod("never-put").key)


def node_affinity(*expressions):
    terms = [{"matchExpressions": [{"key": k, "operator": o, "values": v} for k, o, v in expressions]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"affinity": {"nodeAffinity": required}}


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        ([("disk", "In", ["ssd", "nvme"])], True),
        ([("disk", "NotIn", ["ssd"])], False),
        ([("disk", "Exists", None), ("gpu", "DoesNotExist", None)], True),
        ([("cores", "Gt", ["4"])], True),
        ([("cores", "Lt", ["8"])], False),
        ([("disk", "Gt", ["4"])], False),
        ([], False),
    ],
)
def test_node_affinity(expressions, expected):
    node = make_node("n", labels={"disk": "ssd", "cores": "8"})
    choice = choose_node(unbound(**node_affinity(*expressions)), [node], Placement())
    assert (choice is node) is expected


def shunning(app, key="kubernetes.io/hostname"):
    term = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}
    return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


@pytest.mark.parametrize(
    ("there", "new", "expected"),
    [
        pytest.param({}, shunning("web"), "b", id="away from those that it shuns"),
        pytest.param({}, shunning("other"), "a", id="others do not matter"),
        pytest.param(shunning("web"), {}, "b", id="away from those that shun it"),
        pytest.param({}, shunning("web", "topology.kubernetes.io/zone"), "c", id="in the whole zone"),
        pytest.param({}, shunning("web", "no-such-label"), "a", id="a place that does not exist excludes nothing"),
    ],
)
def test_anti_affinity(there, new, expected):
    nodes = [make_node("a", "z1"), make_node("b", "z1"), make_node("c", "z2")]
    crowd = [make_pod(f"x{i}", nodeName=node, labels={"app": "x"}) for i, node in enumerate("bbcc")]
    kept = crowd[2:] if expected == "b" else crowd[:2] if expected == "c" else crowd
    placement = placed(make_pod("p", nodeName="a", labels={"app": "web"}, **there), *kept)
    assert choose_node(unbound(labels={"app": "web", "n": "1"}, **new), nodes, placement).name == expected


def test_nowhere_left_by_anti_affinity():
    placement = placed(make_pod("p", nodeName="a"))
    assert choose_node(unbound(**shunning("web")), [make_node("a")], placement) == Unschedulable(
        "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules."
    )
