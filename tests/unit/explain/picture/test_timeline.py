"""A change as a time line: a row for each station, bars in their place, and no text that becomes markup."""

import xml.etree.ElementTree as ET

import pytest

from fairlead.explain.cluster import Ref
from fairlead.explain.picture.timeline import timeline
from fairlead.explain.picture.words import words_in
from fairlead.explain.spreading import SpreadingChange, StationRow
from fairlead.model.marks import Station

SPACE = "{http://www.w3.org/2000/svg}"
TIMES = [(0.0,), (0.00001, 0.00002), (0.01, 0.02, 0.022, 0.025), (0.5, 9, 14.2), (100.0, 4000.0)]
HOSTILE = "<script>\"'&]]>"


def change(*seconds, name="web-0"):
    stations = list(Station)
    rows = [
        StationRow(stations[n % len(stations)], name, max(s - 0.001, 0), s, n % 2 == 0) for n, s in enumerate(seconds)
    ]
    return SpreadingChange(
        "default/web-x@1",
        "default/web",
        Ref("EndpointSlice", "default", "web-x"),
        5.0,
        (f"{name} is ready",),
        tuple(rows),
    )


def drawn(found, width=700, language="en"):
    return ET.fromstring(timeline(found, words_in(language), width, "rect{}"))


@pytest.mark.parametrize("width", [280, 366, 700, 1100])
@pytest.mark.parametrize("seconds", TIMES)
def test_bars_are_in_order_and_inside(seconds, width):
    picture = drawn(change(*seconds), width)
    bars = [rect for rect in picture.iter(f"{SPACE}rect") if rect.get("class") == "bar"]
    ends = [float(bar.get("x")) + float(bar.get("width")) for bar in bars]
    assert ends == sorted(ends)
    assert all(float(bar.get("x")) > 0 and end <= width - 60 for bar, end in zip(bars, ends, strict=True))
    ticks = [text for text in picture.iter(f"{SPACE}text") if "tick-label" in text.get("class")]
    assert 1 <= len(ticks) <= 20


def test_no_name_becomes_markup():
    picture = drawn(change(0.1, 0.2, name=HOSTILE))
    assert not list(picture.iter(f"{SPACE}script"))
    assert HOSTILE in picture.get("aria-label")


def test_a_timeline_can_be_in_chinese():
    assert "内核规则生效" in ET.tostring(drawn(change(1, 2, 3, 4, 5), language="zh"), encoding="unicode")


def test_a_name_that_is_shortened_is_whole_in_the_title():
    name = "a-name-of-a-pod-that-is-" * 4
    picture = drawn(change(0.1, name=name), width=390)
    assert not any(text.text == name for text in picture.iter(f"{SPACE}text"))
    assert any((title.text or "").endswith(name) for title in picture.iter(f"{SPACE}title"))
