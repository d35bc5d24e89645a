"""The map: everything is on it, nothing overlaps or leaves it, it stays calm, and no text becomes markup."""

import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import pytest

from fairlead.explain.languages import LANGUAGES
from fairlead.explain.picture.drawing import fragments, svg
from fairlead.explain.picture.lanes import Filter, contents_of
from fairlead.explain.picture.layout import place
from fairlead.explain.picture.lettering import width_of
from fairlead.explain.picture.scene import CardState
from fairlead.explain.picture.words import words_in
from tests.support.broken_clusters import BROKEN, HEALTHY, LOCAL, NODE_PORT, client, whole
from tests.support.cluster_dumps import cluster, external_name, headless, pod, service, web

WORD = words_in("en")
API = external_name("api", "a.example")
OBJECTS = (service(**NODE_PORT), service("one", "10.96.0.11", **LOCAL), headless("direct"), API, client())
READ = cluster(whole(*OBJECTS, web()))
HOSTILE = ('"><script>alert(1)</script>', "x' onload='alert(1)", "]]>&amp;<!--", "</svg><img src=x onerror=alert(1)>")
every_width = pytest.mark.parametrize("width", [280, 366, 500, 699, 700, 760, 1064, 2400])


def scene(read=READ, width=1000.0, turned=(), word=WORD, **wanted):
    return place(contents_of(read, word, Filter(**wanted)), width, word, turned)


def titles(picture, kind=None):
    return [card.item.title for card in picture.cards if kind in (None, card.item.kind)]


@every_width
def test_nothing_overlaps_and_nothing_is_outside(width):
    picture = scene(width=width)
    for one, other in combinations(picture.cards, 2):
        assert not one.box.meets(other.box), (one.item.id, other.item.id)
    for box in [card.box for card in picture.cards] + [band.box for band in picture.bands]:
        assert box.x >= 0
        assert box.right <= width
        assert box.bottom <= picture.height


@every_width
def test_text_fits_its_card(width):
    for card in scene(width=width).cards:
        for line in (*card.title, *card.lines):
            assert width_of(line, 11.5) <= card.box.width - 10, (line, card.box.width)


LONG = "kubernetes-administration-interface-for-observability"
NAMED = cluster(
    whole(
        service(LONG, "2001:db8:1234:5678:9abc:def0:1234:5678", **NODE_PORT), web(), client("a" * 63), pod(f"{LONG}-0")
    )
)


@every_width
@pytest.mark.parametrize("read", [READ, NAMED], ids=["usual", "long names"])
def test_words_are_whole(read, width):
    """A line ends with a word, a hyphen or a dot; only what is wider than a card without one loses its middle."""
    for card in scene(read, width=width).cards:
        for one, other in pairwise(card.title):
            assert one[-1] in "-./:," or f"{one} {other}" in card.item.title or "…" in one + other, (one, other)
        for text, lines in ((card.item.title, card.title), *((line, card.lines) for line in card.item.lines)):
            assert "…" in text or "aaa" in text or len(text) > 40 or not any("…" in line for line in lines), lines


@pytest.mark.parametrize("case", [*BROKEN, *HEALTHY], ids=str)
def test_every_cluster_can_be_drawn(case):
    picture = scene(case.cluster, width=390)
    services = sum(band.title != "kube-system" and bool(band.fold) for band in picture.bands)
    ET.fromstring(svg(picture, WORD, "map", ""))
    assert len({card.item.id for card in picture.cards}) == len(picture.cards)
    assert services or not case.cluster.snapshot.services


def test_a_lane_leads_from_names_and_addresses_to_pods():
    picture = scene()
    ids = {card.item.id for card in picture.cards}
    assert {"svc/default/web/name", "svc/default/web/10.96.0.10", "svc/default/web", "node/node-1", "outside"} <= ids
    lines = {link.id.split(" > ")[0] for link in picture.links}
    assert {"svc/default/web/name", "svc/default/web"} <= lines
    assert "client" in titles(picture, "pod")
    assert {"web-0", "web-1"} <= set(titles(picture, "pod"))


def test_unready_items_are_visible():
    sick = cluster(whole(service(), [pod("web-0", ready=False), pod("web-1", ip="10.244.2.2", node="node-2")]))
    states = {card.item.id: card.item.state for card in scene(sick).cards}
    assert states["svc/default/web"] is CardState.WAITING
    found = {card.item.title: card.item.state for card in scene(sick).cards if card.item.kind == "pod"}
    assert (found["web-0"], found["web-1"]) == (CardState.WAITING, CardState.READY)


def test_a_change_moves_only_the_changed_cards():
    pods = [[pod("web-0", ready=ready), pod("web-1", node="node-2")] for ready in (True, False)]
    readings = [cluster(whole(*OBJECTS, each)) for each in pods]
    before, after = (fragments(scene(read), WORD) for read in readings)
    assert before.keys() == after.keys()
    changed = {key for key in before if before[key] != after[key]}
    assert changed
    assert not {key for key in changed if key.startswith("card:svc/default/api")}


def test_many_endpoints_become_squares():
    pods = [pod(f"web-{n}", ip=f"10.244.1.{n + 10}") for n in range(40)]
    picture = scene(cluster(whole(service(), pods)))
    assert sum(card.is_dot and card.item.kind == "pod" for card in picture.cards) >= 40


def test_the_system_starts_folded_and_can_be_opened():
    closed, opened = scene(), scene(turned={"kube-system"})
    assert next(band for band in closed.bands if band.title == "kube-system").is_folded
    assert not next(band for band in opened.bands if band.title == "kube-system").is_folded
    assert "kube-dns.kube-system.svc" in titles(opened, "name")
    assert "kube-dns.kube-system.svc" not in titles(closed, "name")


def test_hundreds_of_services_start_folded():
    many = [service(f"s{n}", f"10.96.1.{n}") for n in range(60)]
    picture = scene(cluster(whole(*many, web())))
    assert all(band.is_folded for band in picture.bands if band.fold)


@pytest.mark.parametrize(
    ("wanted", "services"),
    [
        ({"text": "direct"}, ["direct"]),
        ({"text": "10.96.0.11"}, ["one"]),
        ({"type": "headless"}, ["direct"]),
        ({"type": "ExternalName"}, ["api"]),
        ({"text": "no such thing"}, []),
        ({"text": "app=web 30080 10.96.0.10"}, ["web"]),
    ],
)
def test_search_and_filters(wanted, services):
    assert titles(scene(turned={"kube-system"}, **wanted), "service") == services


def test_a_filter_that_lets_nothing_through_says_so():
    assert "Nothing to show" in titles(scene(text="no such thing"))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_name_becomes_markup(hostile):
    read = cluster(whole(service(), [pod(hostile, labels={"app": "web"})], client()))
    whole_picture = svg(scene(read), WORD, hostile, "")
    for element in ET.fromstring(whole_picture).iter():
        assert element.tag.rpartition("}")[2] in ("svg", "style", "g", "rect", "text", "title", "path", "circle")
        assert not [name for name in element.attrib if name.startswith("on") or name == "style"]
    shown = {e.text or "" for e in ET.fromstring(whole_picture).iter() if e.tag.endswith("title")}
    assert any(hostile in title for title in shown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word(language):
    picture = scene(word=words_in(language))
    assert titles(picture, "outside")[0] == {"en": "Outside", "zh": "外部"}[language]


def test_types_are_chinese_and_the_filter_still_knows_them():
    picture = scene(word=words_in("zh"), type="headless")
    assert titles(picture, "service") == ["direct"]
    assert next(card.lines[0] for card in picture.cards if card.item.title == "direct") == "无头"
