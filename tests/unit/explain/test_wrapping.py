"""Lines for a terminal of 80 columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.explain.render.wrapping import WIDTH, columns, wrapped

LETTERS = st.text(alphabet="abc -.节点就绪，：", max_size=300)


@pytest.mark.parametrize(("text", "taken"), [("", 0), ("web", 3), ("节点", 4), ("节点 web：", 10), ("…", 1)])
def test_columns(text, taken):
    assert columns(text) == taken


def test_chinese_breaks_anywhere():
    lines = wrapped("节" * 100, "  ", "    ")
    assert lines == ["  " + "节" * 39, "    " + "节" * 38, "    " + "节" * 23]


def test_words_stay_whole():
    lines = wrapped("节" * 36 + "web.default.svc.cluster.local 就绪", "  ", "  ")
    assert lines == ["  " + "节" * 36, "  web.default.svc.cluster.local 就绪"]


def test_no_line_begins_with_a_comma():
    assert wrapped("节" * 40 + "，就绪", "", "  ") == ["节" * 40 + "，", "  就绪"]


def test_no_line_ends_with_an_opening_bracket():
    assert wrapped("节" * 39 + "（default/web）", "", "") == ["节" * 39, "（default/web）"]


def test_the_first_line_keeps_its_indent():
    assert wrapped("  节点", "", "    ") == ["  节点"]


def test_empty():
    assert wrapped("", "  ? ", "    ") == ["  ? "]


@given(LETTERS)
def test_wrapped_text_is_complete_and_within_the_width(text):
    lines = wrapped(text, "- ", "  ")
    assert "".join("".join(lines).split()).removeprefix("-") == "".join(text.split())
    for line in lines:
        longest = max((columns(word) for word in line[2:].split(" ")), default=0)
        assert columns(line.rstrip("，：")) <= max(WIDTH, longest + 2)
