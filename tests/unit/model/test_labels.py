"""Label selectors mean what upstream's grammar says."""

import msgspec
import pytest

from fairlead.model.labels import SelectorError, contains, matches, parse_selector, requirements
from fairlead.model.objects import LabelSelector, Pod
from fairlead.model.workloads import PodDisruptionBudget

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


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web", "tier": "front"}}, True),
        ({"matchLabels": {"app": "web", "tier": "back"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "missing", "operator": "NotIn", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        # An operator that is not known, or none at all, matches nothing.
        ({"matchExpressions": [{"key": "app", "operator": "Like", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "missing", "operator": "Gt", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "app"}]}, False),
        ({"matchExpressions": [{}]}, False),
    ],
)
def test_a_selector_object(selector, expected):
    assert matches(requirements(msgspec.convert(selector, LabelSelector)), LABELS) is expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, False),
        ({"selector": {}}, True),
        ({"selector": {"matchLabels": {"app": "web"}}}, True),
        ({"selector": {"matchExpressions": [{"key": "app", "operator": "Like"}]}}, False),
    ],
)
def test_a_disruption_budget_protects_pods_of_its_namespace(spec, expected):
    metadata = {"name": "a", "namespace": "here", "uid": "1", "labels": LABELS}
    budget = msgspec.convert({"metadata": metadata, "spec": spec}, PodDisruptionBudget)
    assert budget.selects(msgspec.convert({"metadata": metadata}, Pod)) is expected
    assert not budget.selects(msgspec.convert({"metadata": {**metadata, "namespace": "there"}}, Pod))
