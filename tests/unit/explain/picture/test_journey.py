"""A packet's way as a picture: what the trace says is on it, and the shares of chance are on its lines."""

import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from fairlead.explain.journey.ends import Goal, parse_goal, parse_start
from fairlead.explain.journey.rulebook import Rulebook
from fairlead.explain.picture.drawing import svg
from fairlead.explain.picture.journey import Trip, journey_of
from fairlead.explain.picture.scene import CardState
from fairlead.explain.picture.words import words_in
from fairlead.explain.proxying import IPTABLES, Proxying
from fairlead.trace.packet import Outcome, PacketFate
from tests.support.broken_clusters import DENY_ALL, LOCAL, NODE_PORT, client, whole
from tests.support.cluster_dumps import cluster, headless, service, web

WORD = words_in("en")
OBJECTS = (service(**NODE_PORT), service("one", "10.96.0.11", **LOCAL), headless("direct"), web(), client())
READ = cluster(whole(*OBJECTS))
WAYS = [
    ("pod/client", "web"),
    ("pod/client", "direct:8080"),
    ("outside", "192.168.1.10:30080"),
    ("node/node-1", "10.96.0.10:80"),
]


def trip(start, goal, read=READ, backend="nft", seen=None):
    rulebook = Rulebook(read, Proxying(backend))
    return Trip(rulebook, parse_start(read, start, "default", None), parse_goal(goal, "tcp"), seen)


def cards(found, kind):
    return [card.item for card in found.scene.cards if card.item.kind == kind]


@pytest.mark.parametrize("width", [280, 366, 699, 700, 1064, 2400])
@pytest.mark.parametrize(("start", "goal"), WAYS)
def test_nothing_overlaps_or_is_outside(start, goal, width):
    scene = journey_of(trip(start, goal), WORD, width).scene
    for one, other in combinations(scene.cards, 2):
        assert not one.box.meets(other.box), (one.item.id, other.item.id)
    assert all(card.box.x >= 0 and card.box.right <= width and card.box.bottom <= scene.height for card in scene.cards)
    assert len({card.item.id for card in scene.cards}) == len(scene.cards)
    ET.fromstring(svg(scene, WORD, "way", ""))


@pytest.mark.parametrize("backend", ["nft", IPTABLES])
def test_chance_is_on_the_lines_and_hooks_in_order(backend):
    found = journey_of(trip("pod/client", "web", backend=backend), WORD, 1000)
    assert [link.label for link in found.scene.links if link.label] == ["50%", "50%"]
    assert [item.title.split()[0] for item in cards(found, "hook")][:2] == ["prerouting", "forward"]
    assert {item.title for item in cards(found, "verdict")} == {"web-0", "web-1"}
    assert all(item.state is CardState.READY for item in cards(found, "verdict"))


def test_items_of_the_map_are_named():
    touched = journey_of(trip("pod/client", "web"), WORD, 1000).touched
    assert {"pod/default/client", "address/10.96.0.10", "svc/default/web", "pod/default/web-0", "node/node-2"} <= set(
        touched
    )


def test_a_name_that_is_not_there_sends_no_packet():
    found = journey_of(trip("pod/client", "nobody"), WORD, 1000)
    assert [item.title for item in cards(found, "verdict") + cards(found, "name")] == ["no packet is sent", "nobody"]


def test_a_policy_blocks_it():
    read = cluster(whole(*OBJECTS, DENY_ALL))
    ends = cards(journey_of(trip("pod/client", "web", read), WORD, 1000), "verdict")
    assert {item.state for item in ends} == {CardState.FAILED}
    assert all("deny-all (Ingress)" in item.lines for item in ends)


def test_the_kernels_result_is_shown():
    goal = Goal("10.96.0.10", 80)
    address = READ.snapshot.pods[("default", "web-0")].ips[0]
    seen = {
        (goal, Outcome(PacketFate.ACCEPT, address, 8080)): 7,
        (goal, Outcome(PacketFate.ACCEPT, "10.244.2.99", 8080)): 3,
    }
    ends = {
        item.title: item.lines
        for item in cards(journey_of(trip("pod/client", "web", seen=seen), WORD, 1000), "verdict")
    }
    assert "kernel: 7 of 10" in ends["web-0"]
    assert "kernel: 0 of 10" in ends["web-1"]


def test_many_addresses_are_bounded():
    read = cluster(whole(headless("direct"), web(60), client()))
    assert len(journey_of(trip("pod/client", "direct:8080", read), WORD, 1000).scene.cards) < 50
