"""What a DaemonSet does next, by table and by simulation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fairlead.model.decode import decode
from fairlead.model.objects import Pod
from fairlead.model.workloads import DaemonSet
from fairlead.workloads.daemonset import make_daemon, node_of, observe_daemons, plan_daemons
from fairlead.workloads.placement.affinity import allows_node
from tests.support.cluster_objects import make_node

NOW = "2026-01-01T00:00:00Z"
TAINT = {"key": "dedicated", "value": "x", "effect": "NoSchedule"}


def daemon_set(image="agent:1", spec=None, **fields):
    pod = {"containers": [{"name": "c", "image": image}], **(spec or {})}
    template = {"metadata": {"labels": {"app": "agent"}}, "spec": pod}
    fields = {"selector": {"matchLabels": {"app": "agent"}}, "template": template, **fields}
    metadata = {"name": "agent", "namespace": "ns", "uid": "d", "generation": 3}
    return decode(DaemonSet, {"metadata": metadata, "spec": fields})


def pod(wanted, node, state="ready", number=0):
    """A Pod of the set's present template that is ready, starting, ending or finished; unbound if it is pending."""
    document = make_daemon(wanted, node)
    document["metadata"] |= {"name": f"agent-{node}-{number}", "creationTimestamp": f"2026-01-01T00:00:0{number}Z"}
    if state == "ending":
        document["metadata"]["deletionTimestamp"] = NOW
    if state != "pending":
        document["spec"] = {**document["spec"], "nodeName": node}
    phase = {"finished": "Failed", "pending": "Pending"}.get(state, "Running")
    ready = [{"type": "Ready", "status": "True" if state == "ready" else "False", "lastTransitionTime": NOW}]
    return decode(Pod, {**document, "status": {"phase": phase, "conditions": ready}})


def moves(wanted, nodes, *pods):
    plan = plan_daemons(wanted, nodes, pods, NOW)
    return [f"+{node}" for node in plan.creates] + [f"-{p.name.removeprefix('agent-')}" for p in plan.deletes]


def surging(image, surge):
    rolling = {"maxUnavailable": 0, "maxSurge": surge}
    return daemon_set(image, updateStrategy={"type": "RollingUpdate", "rollingUpdate": rolling})


OLD, NEW = daemon_set(), daemon_set("agent:2")
BESIDE = surging("agent:2", 1)
A, B = make_node("a"), make_node("b", labels={"disk": "ssd"})


@pytest.mark.parametrize(
    ("wanted", "nodes", "pods", "expected"),
    [
        pytest.param(OLD, [A, B], [], ["+a", "+b"], id="one for each Node"),
        pytest.param(OLD, [A, B], [pod(OLD, "a")], ["+b"], id="what is there stays"),
        pytest.param(OLD, [A], [pod(OLD, "a", "pending")], [], id="one that is not bound yet counts"),
        pytest.param(OLD, [A], [pod(OLD, "a", "ending")], [], id="one that ends is waited for"),
        pytest.param(OLD, [A], [pod(OLD, "a", "finished")], ["-a-0"], id="what has finished goes"),
        pytest.param(OLD, [A], [pod(OLD, "a"), pod(OLD, "a", number=1)], ["-a-1"], id="the youngest is too many"),
        pytest.param(OLD, [A], [pod(OLD, "a"), pod(OLD, "gone")], ["-gone-0"], id="a Node that is gone"),
        pytest.param(daemon_set(spec={"nodeSelector": {"disk": "ssd"}}), [A, B], [], ["+b"], id="selected"),
        pytest.param(daemon_set(spec={"nodeSelector": {"disk": "ssd"}}), [A], [pod(OLD, "a")], ["-a-0"], id="no more"),
        pytest.param(OLD, [make_node("a", unschedulable=True)], [], ["+a"], id="cordoned"),
        pytest.param(OLD, [make_node("a", taints=[TAINT])], [], [], id="tainted"),
        pytest.param(OLD, [make_node("a", taints=[TAINT])], [pod(OLD, "a")], [], id="tainted afterwards"),
        pytest.param(
            OLD, [make_node("a", taints=[{**TAINT, "effect": "NoExecute"}])], [pod(OLD, "a")], ["-a-0"], id="driven out"
        ),
        pytest.param(
            daemon_set(spec={"tolerations": [{"operator": "Exists"}]}),
            [make_node("a", taints=[TAINT])],
            [],
            ["+a"],
            id="tolerated",
        ),
        pytest.param(NEW, [A, B], [pod(OLD, "a"), pod(OLD, "b")], ["-a-0"], id="one at a time"),
        pytest.param(NEW, [A, B], [pod(NEW, "a", "starting"), pod(OLD, "b")], [], id="then it is waited for"),
        pytest.param(NEW, [A, B], [pod(NEW, "a"), pod(OLD, "b")], ["-b-0"], id="then comes the next"),
        pytest.param(NEW, [A, B], [pod(OLD, "a", "starting"), pod(OLD, "b")], ["-a-0"], id="what does not work first"),
        pytest.param(
            daemon_set("agent:2", updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "60%"}}),
            [A, B],
            [pod(OLD, "a"), pod(OLD, "b")],
            ["-a-0", "-b-0"],
            id="a percentage is rounded up",
        ),
        pytest.param(BESIDE, [A, B], [pod(OLD, "a"), pod(OLD, "b")], ["+a"], id="a new one beside it first"),
        pytest.param(
            BESIDE,
            [A, B],
            [pod(OLD, "a"), pod(BESIDE, "a", "starting", 1), pod(OLD, "b")],
            [],
            id="which is waited for",
        ),
        pytest.param(
            BESIDE, [A, B], [pod(OLD, "a"), pod(BESIDE, "a", number=1), pod(OLD, "b")], ["-a-0"], id="then the old goes"
        ),
        pytest.param(
            BESIDE,
            [A, B],
            [pod(OLD, "a", "ending"), pod(BESIDE, "a", number=1), pod(OLD, "b")],
            ["+b"],
            id="then comes the next Node",
        ),
        pytest.param(
            BESIDE,
            [A, B],
            [pod(OLD, "a", "starting"), pod(BESIDE, "a", "starting", 1), pod(OLD, "b")],
            ["-a-0"],
            id="an old one that does not work goes at once",
        ),
        pytest.param(
            BESIDE, [A, B], [pod(OLD, "a", "starting"), pod(OLD, "b")], ["+a", "+b"], id="or is surged beside"
        ),
        pytest.param(
            surging("agent:2", "60%"), [A, B], [pod(OLD, "a"), pod(OLD, "b")], ["+a", "+b"], id="a percentage of Nodes"
        ),
        pytest.param(
            BESIDE, [A], [pod(BESIDE, "a"), pod(BESIDE, "a", number=1)], ["-a-1"], id="two new ones are too many"
        ),
        pytest.param(
            daemon_set("agent:2", updateStrategy={"type": "OnDelete"}), [A], [pod(OLD, "a")], [], id="on delete"
        ),
    ],
)
def test_next_step(wanted, nodes, pods, expected):
    assert moves(wanted, nodes, *pods) == expected


def test_a_daemon_fits_only_its_node():
    made = pod(OLD, "b", "pending")
    assert node_of(made) == "b"
    assert (allows_node(made, A), allows_node(made, B)) == (False, True)


def test_status_counts_nodes():
    nodes = [A, B, make_node("c", taints=[TAINT])]
    pods = [pod(NEW, "a"), pod(OLD, "b", "starting"), pod(OLD, "b", "ending", 1)]
    assert structs.asdict(observe_daemons(NEW, nodes, pods, NOW)) == {
        "current_number_scheduled": 2,
        "number_misscheduled": 0,
        "desired_number_scheduled": 2,
        "number_ready": 1,
        "updated_number_scheduled": 1,
        "number_available": 1,
        "number_unavailable": 1,
        "observed_generation": 3,
    }


@given(st.integers(1, 6), st.integers(1, 3), st.randoms())
def test_an_update_ends_and_never_misses_more_than_it_may(count, most, random):
    wanted = daemon_set("agent:2", updateStrategy={"rollingUpdate": {"maxUnavailable": most}})
    nodes = [make_node(f"n{i}") for i in range(count)]
    pods = {node.name: pod(OLD, node.name) for node in nodes}
    for _ in range(10 * count):
        plan = plan_daemons(wanted, nodes, pods.values(), NOW)
        starting = [name for name, p in pods.items() if not p.is_ready]
        if not (plan.creates or plan.deletes or starting):
            break
        for gone in plan.deletes:
            del pods[node_of(gone)]
        for name in plan.creates:
            pods[name] = pod(wanted, name, "starting")
        assert sum(p.is_ready for p in pods.values()) >= count - most
        for name in starting:
            if name in pods and random.random() < 0.7:
                pods[name] = pod(wanted, name)
    assert moves(wanted, nodes, *pods.values()) == []
    assert observe_daemons(wanted, nodes, pods.values(), NOW).updated_number_scheduled == count
