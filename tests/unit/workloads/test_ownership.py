"""Objects whose owners are deleted."""

import pytest

from fairlead.model.decode import decode
from fairlead.model.objects import KubeObject
from fairlead.workloads.ownership import (
    FOREGROUND,
    ORPHAN,
    Delete,
    Item,
    OwnerGraph,
    PropagationPolicy,
    Release,
    RemoveOwners,
)

NOW = "2026-01-01T00:00:00Z"


def item(uid, *owners, deleted=False, finalizers=(), blocking=True):
    references = [
        {"apiVersion": "v1", "kind": "K", "name": o, "uid": o, "blockOwnerDeletion": blocking} for o in owners
    ]
    metadata = {"name": uid, "uid": uid, "ownerReferences": references, "finalizers": list(finalizers)}
    return Item("things", decode(KubeObject, {"metadata": metadata | ({"deletionTimestamp": NOW} if deleted else {})}))


def going(uid, finalizer, *owners):
    return item(uid, *owners, deleted=True, finalizers=(finalizer,))


@pytest.mark.parametrize(
    ("others", "subject", "absent", "expected"),
    [
        pytest.param([], item("x"), [], None, id="no owners"),
        pytest.param([item("o")], item("x", "o"), [], None, id="its owner lives"),
        pytest.param([], item("x", "o"), [], None, id="an unknown owner may yet exist"),
        pytest.param([], item("x", "o"), ["o"], Delete(PropagationPolicy.BACKGROUND), id="its only owner is gone"),
        pytest.param([item("o")], item("x", "o", "p"), ["p"], RemoveOwners(frozenset("p")), id="one of two is gone"),
        pytest.param([], item("x", "o", "p"), ["o", "p"], Delete(PropagationPolicy.BACKGROUND), id="both are gone"),
        pytest.param([], item("x", "o", "p"), ["o"], RemoveOwners(frozenset("o")), id="one gone, one not known to be"),
        pytest.param([], item("x", "o", deleted=True), ["o"], None, id="already on its way"),
        pytest.param([item("o", deleted=True)], item("x", "o"), [], None, id="its owner is held by something else"),
        pytest.param(
            [going("o", FOREGROUND)],
            item("x", "o"),
            [],
            Delete(PropagationPolicy.BACKGROUND),
            id="its owner waits for it",
        ),
        pytest.param(
            [going("o", FOREGROUND), item("y", "x")],
            item("x", "o"),
            [],
            Delete(PropagationPolicy.FOREGROUND),
            id="its owner waits for it, and it has dependents of its own",
        ),
        pytest.param(
            [going("o", ORPHAN)], item("x", "o"), [], RemoveOwners(frozenset("o")), id="its owner leaves it behind"
        ),
        pytest.param([], going("x", ORPHAN), [], Release(ORPHAN), id="nobody left to leave behind"),
        pytest.param([item("y", "x")], going("x", ORPHAN), [], None, id="dependents must be disowned first"),
        pytest.param([], going("x", FOREGROUND), [], Release(FOREGROUND), id="nobody left to wait for"),
        pytest.param([item("y", "x")], going("x", FOREGROUND), [], None, id="it waits for its dependents"),
        pytest.param(
            [item("y", "x", blocking=False)],
            going("x", FOREGROUND),
            [],
            Release(FOREGROUND),
            id="it does not wait for those that do not block",
        ),
    ],
)
def test_next_action(others, subject, absent, expected):
    graph = OwnerGraph()
    for other in [*others, subject]:
        graph.put(other)
    assert graph.next_action(subject, absent) == expected


def test_the_graph_forgets_dropped_items():
    graph = OwnerGraph()
    graph.put(item("x", "o"))
    graph.put(item("x", "p"))
    assert [list(graph.dependents(uid)) for uid in "op"] == [[], [graph.items["x"]]]
    graph.drop("x")
    graph.drop("x")
    assert (graph.items, graph._dependents) == ({}, {})
