"""Labs requested by markers."""

import pytest

from fairlead.lab import LabSpec
from fairlead.model.names import dns1123_label_errors
from fairlead.testing.markers import key_of, prefix_of, spec_of, title


def marks(*wanted):
    return [pytest.mark.fairlead(**each).mark for each in wanted]


def test_the_nearest_marker_counts_most():
    assert spec_of(marks({"nodes": 3}, {"nodes": 1, "dual_stack": True})) == LabSpec(nodes=3, dual_stack=True)


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (pytest.mark.fairlead(3).mark, "names and values, not 3"),
        (pytest.mark.fairlead(node=3).mark, "does not know 'node'"),
    ],
)
def test_unknown_options_are_refused(mark, message):
    with pytest.raises(pytest.UsageError, match=message):
        spec_of([mark])


def test_the_title_says_what_is_unusual():
    assert title(LabSpec()) == "usual"
    assert title(LabSpec(nodes=3, dual_stack=True, images={"a": "x", "b": "y"})) == "nodes=3,dual_stack,images=a+b"


def test_equal_wishes_have_one_key():
    assert key_of(LabSpec(images={"a": "x", "b": "y"})) == key_of(LabSpec(images={"b": "y", "a": "x"}))
    assert key_of(LabSpec()) != key_of(LabSpec(nodes=3))


@pytest.mark.parametrize("name", ["test_web[0-x]", "test_" + "long" * 30, "test_", "TestX::test_y", "test_Äö"])
def test_a_test_gives_its_name_to_its_namespace(name):
    assert not dns1123_label_errors(f"{prefix_of(name)}abcde")
