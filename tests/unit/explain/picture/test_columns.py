"""Columns: their usual shares, unless words need more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.explain.picture.cards import needed
from fairlead.explain.picture.columns import widths_of
from fairlead.explain.picture.scene import CardItem

SHARES = (0.25, 0.25, 0.25, 0.25)


def column(*titles):
    return [CardItem(title, "pod", title) for title in titles]


def test_usual_shares_where_there_is_room():
    assert widths_of([column("web")] * 4, SHARES, 1000) == [250] * 4


def test_a_long_word_takes_from_the_others():
    found = widths_of([column("kubernetes"), column("a"), column("b"), ()], SHARES, 360)
    assert found[0] == needed(CardItem("", "pod", "kubernetes"))
    assert found[1] == found[2] == found[3] == (360 - found[0]) / 3


def test_too_narrow_for_columns():
    assert widths_of([column("kubernetes")] * 4, SHARES, 300) is None


def test_a_very_long_word_does_not_take_all_the_width():
    assert widths_of([column("a" * 63), *[column("web")] * 3], SHARES, 500) == [200, 100, 100, 100]


@given(st.lists(st.text("ab-", min_size=1, max_size=30), min_size=4, max_size=4), st.floats(100, 2000))
def test_columns_use_exactly_the_room(titles, room):
    columns = [column(title) for title in titles]
    found = widths_of(columns, SHARES, room)
    if found is not None:
        assert sum(found) == pytest.approx(room)
        assert all(wide >= min(needed(items[0]), 200) - 1e-6 for wide, items in zip(found, columns, strict=True))
