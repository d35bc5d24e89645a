"""Which nodes attract a load balancer's address, by Events, and where packets from outside arrive."""

import pytest

from fairlead.explain.announcing import announcement_of, lost_sessions, tell_announcement
from fairlead.explain.journey.ends import Goal, arriving, parse_start
from fairlead.explain.statements import Verdict
from fairlead.model.names import ObjectKey
from tests.support.broken_clusters import BALANCED, SESSION_DOWN, SESSION_UP, whole
from tests.support.cluster_dumps import cluster, web

ADDRESS = "172.16.0.9"
KEY = ObjectKey("default", "web")


def assigned(nodes, protocol, time, name):
    """The Event of an announcer."""
    word = "node" if '", "' not in nodes else "nodes"
    return {
        "kind": "Event",
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"kind": "Service", "namespace": "default", "name": "web"},
        "reason": "nodeAssigned",
        "message": f'announcing from {word} {nodes} with protocol "{protocol}"',
        "lastTimestamp": f"2026-01-01T00:00:{time:02}Z",
    }


def read(*events):
    return cluster(whole(BALANCED, web(), list(events)))


@pytest.mark.parametrize(
    ("events", "nodes"),
    [
        ([assigned('"node-1"', "layer2", 5, "a"), assigned('"node-2"', "layer2", 9, "b")], ("node-2",)),
        ([assigned('"node-2"', "layer2", 9, "a"), assigned('"node-1"', "layer2", 5, "b")], ("node-2",)),
        ([assigned('"node-1"', "bgp", 5, "a"), assigned('"node-2"', "bgp", 9, "b")], ("node-1", "node-2")),
        ([assigned('"node-1", "node-2"', "routes", 5, "a")], ("node-1", "node-2")),
    ],
)
def test_the_last_update_counts_and_with_bgp_those_of_all_routers(events, nodes):
    found = read(*events)
    announcement = announcement_of(found, found.snapshot.services[KEY])
    assert announcement is not None
    assert announcement.nodes == nodes
    assert arriving(found, parse_start(found, "outside", "default", None), Goal(ADDRESS, 80)).node == nodes[0]


def test_without_an_event_it_is_not_checked():
    found = read()
    told = tell_announcement(found, found.snapshot.services[KEY], ADDRESS)
    assert told.outcome is Verdict.NOT_CHECKED
    assert "node-1" in told.text


@pytest.mark.parametrize(
    ("via", "goal", "node"), [(None, "192.168.0.3", "node-2"), ("node-1", "192.168.0.3", "node-1")]
)
def test_a_nodes_address_leads_to_that_node_unless_another_is_given(via, goal, node):
    found = read()
    assert arriving(found, parse_start(found, "outside", "default", via), Goal(goal, 30080)).node == node


def test_a_session_that_came_back_is_not_lost():
    assert [(lost.node, lost.router) for lost in lost_sessions(read(SESSION_DOWN))] == [("node-1", "192.168.0.254")]
    assert list(lost_sessions(read(*SESSION_UP))) == []
