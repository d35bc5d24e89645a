"""Pictures: nothing is cut, nothing overlaps, and no text of a cluster becomes markup."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.explain.proxying import Proxying
from fairlead.explain.render.graph import MOST_BOXES, boxes_of, dot, html, mermaid, svg
from fairlead.explain.statements import Statement, failed, said, unchecked
from fairlead.explain.subjects import explain, parse_subject
from tests.support.broken_clusters import BROKEN, LOCAL, NODE_PORT, client, whole
from tests.support.cluster_dumps import cluster, headless, service, web
from tests.unit.explain.test_journey import way

SPACE = "{http://www.w3.org/2000/svg}"
READ = cluster(whole(service(**NODE_PORT), service("one", "10.96.0.11", **LOCAL), headless("direct"), web(), client()))
EXAMPLES = {
    **{s: explain(READ, parse_subject(s), Proxying()) for s in ("svc/web", "svc/direct", "pod/web-0", "node/node-1")},
    "trace": way(whole(service(), web(), client()), "pod/client", "web"),
    "broken": explain(BROKEN[1].cluster, parse_subject("svc/web"), Proxying()),
}
both = pytest.mark.parametrize("statement", EXAMPLES.values(), ids=EXAMPLES)


def rectangles(picture):
    found = [r for r in ET.fromstring(picture).iter(f"{SPACE}rect") if r.get("x")]
    return [tuple(int(r.get(k)) for k in ("x", "y", "width", "height")) for r in found]


@both
def test_no_two_boxes_of_a_picture_overlap(statement):
    boxes = rectangles(svg(statement))
    assert len(boxes) == len(boxes_of(statement))
    for i, (x, y, w, h) in enumerate(boxes):
        for x2, y2, w2, h2 in boxes[i + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


@both
def test_no_text_of_a_picture_is_cut(statement):
    picture = svg(statement)
    words = "".join("".join(t.text.split()) for t in ET.fromstring(picture).iter(f"{SPACE}text"))
    shown = [box for box in boxes_of(statement) if not box.lines[0].startswith("…")]
    every = list(statement.walk())
    assert len(shown) == min(len(every), MOST_BOXES)
    for box in shown:
        assert "".join("".join(line.split()) for line in box.lines) in words
    assert statement.text.replace(" ", "") in words


texts = st.text(max_size=60)
leaves = st.builds(said, texts) | st.builds(failed, texts) | st.builds(unchecked, texts)
trees = st.recursive(
    leaves, lambda inner: st.builds(lambda t, p: Statement(t, (), tuple(p)), texts, st.lists(inner, max_size=4))
)


@given(statement=trees)
def test_any_text_fits_into_every_picture(statement):
    printable = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]", "", svg(statement))
    ET.fromstring(printable)
    assert mermaid(statement).count("\n") == len(mermaid(statement).splitlines())
    assert dot(statement).startswith("digraph")
    assert "<script" not in html(statement)


def test_markup_in_names_stays_text():
    evil = said('<script>alert("x")</script>')
    assert "<script" not in html(evil)
    assert "<script" not in svg(evil)
    assert "<script" not in mermaid(evil)
    assert '\\"x\\"' in dot(evil)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("asks for _http._tcp.my-headless-service.default.svc.cluster.local",
         ("asks for _http._tcp.", "my-headless-service.default.", "svc.cluster.local")),
        ("db.default.svc.cluster.local", ("?\N{NO-BREAK SPACE}db.default.svc.cluster.", "local")),
        ("a.b", ("?\N{NO-BREAK SPACE}a.b",)),
    ],
)  # fmt: skip
def test_names_are_broken_after_dots(text, lines):
    verdict = said(text) if text.startswith("asks") else unchecked(text)
    assert boxes_of(verdict)[0].lines == lines
