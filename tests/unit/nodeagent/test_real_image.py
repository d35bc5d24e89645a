"""Preparation of an image's container."""

import pytest

from fairlead.nodeagent.real_image import stacked


@pytest.mark.parametrize(
    ("layers", "stack"),
    [([], []), (["a", "b"], ["a", "b"]), (["a", "e", "b", "e", "e"], ["a", "b", "e"]), (["a", "b", "a"], ["b", "a"])],
)
def test_a_layer_that_comes_again_counts_where_it_is_highest(layers, stack):
    assert stacked(layers) == stack
