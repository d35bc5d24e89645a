"""Label selectors mean what upstream's grammar says."""

import pytest

from fairlead.model.labels import SelectorError, contains, matches, parse_selector

LABELS = {"app": "web", "tier": "front", "empty": ""}

CASES = [
    # selector, matches LABELS
    ("", True),
    ("app", True),
    ("!app", False),
    ("missing", False),
    ("!missing", True),
    ("app=web", True),
    ("app==web", True),
    ("app = web", True),
    ("app=db", False),
    ("app!=db", True),
    ("app!=web", False),
    ("missing!=anything", True),  # an absent key satisfies !=
    ("empty=", True),
    ("app=", False),
    ("tier in (front, back)", True),
    ("tier in (back)", False),
    ("tier notin (back)", True),
    ("tier notin (front)", False),
    ("missing notin (front)", True),
    ("app=web,tier in (front),!missing", True),
    ("app=web,tier=back", False),
    ("kubernetes.io/service-name=web", False),
]


@pytest.mark.parametrize(("selector", "expected"), CASES)
def test_matches(selector, expected):
    assert matches(parse_selector(selector), LABELS) is expected


@pytest.mark.parametrize("selector", ["app=web tier=back", "=web", "app in", "app in (a", "a,,b", "app=web,"])
def test_refuses(selector):
    with pytest.raises(SelectorError):
        parse_selector(selector)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [({}, True), ({"app": "web"}, True), ({"app": "web", "tier": "back"}, False), ({"nope": ""}, False)],
)
def test_contains_every_pair(wanted, expected):
    assert contains(LABELS, wanted) is expected
