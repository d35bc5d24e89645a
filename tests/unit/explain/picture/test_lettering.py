"""Lines of a picture: words whole, within their width."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.explain.picture.lettering import lines_of, longest_word, width_of

SIZE = 13


@pytest.mark.parametrize(
    "text", ["a" * 300, "a-b-c-" * 60, "", "x", "中文名称" * 30, "web.default.svc", "a b " * 9, "  "]
)
@pytest.mark.parametrize("width", [30, 90, 200])
def test_lines_fit(text, width):
    lines = lines_of(text, SIZE, width)
    assert 1 <= len(lines) <= 2
    assert all(width_of(line, SIZE) <= width for line in lines)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("headless-service-selector", 100, ("headless-", "service-", "selector")),
        ("kubernetes", 200, ("kubernetes",)),
        ("web.default.svc", 70, ("web.", "default.", "svc")),
        ("2001:db8::1", 60, ("2001:", "db8::1")),
        ("two words", 60, ("two", "words")),
        ("节点就绪", 30, ("节点", "就绪")),
        ("kubernetes", 50, ("ku…es",)),
        ("one-two-three-four", 50, ("one-", "two-", "…four")),
    ],
)
def test_lines_end_with_words(text, width, lines):
    assert lines_of(text, SIZE, width, most=3) == lines


@given(st.text(alphabet="abcW-./: ,节点", max_size=60), st.floats(40, 300))
def test_text_that_fits_is_complete(text, width):
    if longest_word(text, SIZE) <= width:
        told = "".join(lines_of(text, SIZE, width, most=99))
        assert told.replace(" ", "") == text.replace(" ", "")


@given(st.text(max_size=40), st.floats(20, 200))
def test_no_line_is_wider_than_its_limit(text, width):
    assert all(width_of(line, SIZE) <= width for line in lines_of(text, SIZE, width, most=3))
